"""What the shop knows of a person: told, copied, kept for a time, and erased. The ledger stays."""
