"""The payments desk: money that came and could not settle, was disputed, or did not go back."""
