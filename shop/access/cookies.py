"""Our two cookies: who is signed in, and, for strangers, which browser a form was written for."""

from typing import Final

from starlette.responses import Response

from shop.access.sessions import COOKIE, LIFETIME
from shop.core.settings import Settings

FORM_COOKIE: Final = "bangfu_form"


def session_cookie(settings: Settings) -> str:
    """Its name. Over https no other host and no path of ours can set it: `__Host-` asks the browser for that."""
    return f"__Host-{COOKIE}" if is_secure(settings) else COOKIE


def form_cookie(settings: Settings) -> str:
    return f"__Host-{FORM_COOKIE}" if is_secure(settings) else FORM_COOKIE


def remember(response: Response, secret: str, settings: Settings) -> None:
    """The browser is signed in: twelve hours, out of reach of scripts."""
    response.set_cookie(
        session_cookie(settings),
        secret,
        max_age=int(LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure(settings),
    )


def drop(response: Response, settings: Settings) -> None:
    response.delete_cookie(session_cookie(settings), httponly=True, samesite="lax", secure=is_secure(settings))


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")
