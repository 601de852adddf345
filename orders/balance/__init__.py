"""Do the figures agree with each other? Pure reads: what disagrees is shown to people, never put right in passing."""
