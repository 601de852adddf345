"""Entries sealed in batches, chained and signed; a stranger can verify them."""
