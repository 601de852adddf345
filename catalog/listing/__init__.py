"""What a visitor reads: list, search and detail, ready-made."""
