"""Rows of sales that other platforms hand out, page by page."""
