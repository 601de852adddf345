"""One open cart per buyer, merged at sign-in."""
