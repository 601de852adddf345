"""Cancel and refund: lines, stock and credit around the money that returns."""
