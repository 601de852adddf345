"""Whose cart it is before anybody signs in: a random secret in a cookie, and only its digest in the database."""

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

COOKIE: Final = "cart"
LIFETIME: Final = timedelta(days=30)


def new_visitor() -> str:
    """A cookie for somebody who puts something into a cart for the first time."""
    return secrets.token_urlsafe(32)


def visitor_id_of(cookie: str) -> UUID:
    """The owner of a visitor's cart. A digest: no cookie can be made up that names somebody else's cart."""
    return UUID(bytes=sha256(f"cart:{cookie}".encode(errors="replace")).digest()[:16])
