"""Reads credit entries: figures, sheets, charts."""
