"""Our two cookies: who is signed in, and, for strangers, which browser a form was written for."""

from typing import Final

from starlette.responses import Response

from shop.access.sessions import COOKIE, LIFETIME
from shop.core.settings import Settings

FORM_COOKIE: Final = "bangfu_form"


def remember(response: Response, secret: str, settings: Settings) -> None:
    """The browser is signed in: twelve hours, out of reach of scripts."""
    response.set_cookie(
        COOKIE,
        secret,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure(settings),
    )


def drop(response: Response, settings: Settings) -> None:
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=is_secure(settings))


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")
