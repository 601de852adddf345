"""Products, SKUs and gift boxes."""
