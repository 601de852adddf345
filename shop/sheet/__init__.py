"""Tables that people bring and take away: bytes to cells, a cell to money, a day, a number or a code; and back."""
