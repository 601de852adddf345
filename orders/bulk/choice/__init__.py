"""Members choose their package by a personal link, or a leader chooses for them."""
