"""Buying, paying, sending, crediting, reporting."""
