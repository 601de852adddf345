"""What a union grants its members for the goods of one plan."""
