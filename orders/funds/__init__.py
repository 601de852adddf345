"""Double entry and nothing else: accounts and immutable transfers."""
