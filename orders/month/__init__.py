"""Accounting months of a top unit: open, closed, opened again by two people; who writes credit reads them."""
