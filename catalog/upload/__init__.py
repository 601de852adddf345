"""Files that somebody hands in: read, checked row by row, and saved whole or not at all."""
