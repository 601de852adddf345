"""One's own account: its password, its e-mail address, and the links that prove them."""
