"""Coming in and going out: sign-in, page sessions, tokens, and the browsers they are known in."""
