"""Our cookies: who is signed in, which browser a form was written for, and in which browser somebody has signed in."""

from datetime import timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from shop.access.session.devices import introduced
from shop.access.session.page_sessions import COOKIE, LIFETIME
from shop.core.keys import Keys
from shop.core.settings import Settings

FORM_COOKIE: Final = "bangfu_form"
DEVICE_COOKIE: Final = "bangfu_device"
DEVICE_KEPT: Final = timedelta(days=180)
"""Since the last sign-in with it."""


def own_cookie(name: str, settings: Settings) -> str:
    """Its name. Over https no other host and no path of ours can set it: `__Host-` asks the browser for that."""
    return f"__Host-{name}" if is_secure(settings) else name


def session_cookie(settings: Settings) -> str:
    return own_cookie(COOKIE, settings)


def form_cookie(settings: Settings) -> str:
    return own_cookie(FORM_COOKIE, settings)


def device_cookie(settings: Settings) -> str:
    return own_cookie(DEVICE_COOKIE, settings)


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


def know_device(request: Request, response: Response, keys: Keys, settings: Settings, account: str) -> None:
    """After a sign-in: the browser is this account's from now on, also when somebody signs out. account: its email."""
    name = device_cookie(settings)
    response.set_cookie(
        name,
        introduced(request.cookies.get(name, ""), keys, account),
        max_age=int(DEVICE_KEPT.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure(settings),
    )


def drop(response: Response, settings: Settings) -> None:
    response.delete_cookie(session_cookie(settings), httponly=True, samesite="lax", secure=is_secure(settings))


def is_secure(settings: Settings) -> bool:
    return settings.public_url.startswith("https://")
