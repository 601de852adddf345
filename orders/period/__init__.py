"""The doors of a top unit's months: what is still undecided, close, open again."""
