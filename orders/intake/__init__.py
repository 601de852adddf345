"""Sales and purchases made elsewhere: staged, confirmed by a second person, credited by the same door."""
