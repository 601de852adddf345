"""The heart: append-only credit entries with frozen attribution."""
