"""Money that turned back: a match that was wrong, or a receipt that the bank took back."""
