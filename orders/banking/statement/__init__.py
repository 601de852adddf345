"""What a bank's file says: its layout, its rows, which account of ours they are of, and which were known before."""
