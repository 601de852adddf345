"""Changes of goods on the shelf: they wait for a second person while the old state sells (DOMAIN rule 36)."""
