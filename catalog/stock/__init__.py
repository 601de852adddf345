"""What is in the barn, and how much of it is already promised."""
