"""A code is sent to a phone and comes back."""
