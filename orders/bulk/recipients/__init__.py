"""Lists of recipients: read row by row, saved whole or not at all."""
