"""Units, unions and canteens: a dated tree, and who belongs where, when."""
