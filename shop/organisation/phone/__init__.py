"""One's own phone, and who one is found to be by it."""
