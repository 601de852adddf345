"""Who is calling, and may they? One dependency for bearer tokens and page cookies alike."""

from functools import cache
from urllib.parse import quote, urlsplit

from fastapi import HTTPException, Request
from fastapi.openapi.models import OAuth2, OAuthFlowPassword, OAuthFlows
from fastapi.security.base import SecurityBase
from starlette.responses import RedirectResponse

from shop.access.permissions import Actor, Permission
from shop.access.security_event import TOLD, note_security
from shop.access.session.cookies import session_cookie
from shop.access.session.door import Door
from shop.access.session.page_sessions import Viewer
from shop.core import clock
from shop.core.errors import NotAllowed, NotSignedIn


class SignInFirst(HTTPException):
    """A page that needs somebody: the browser is sent to the sign-in page and comes back after it."""

    def __init__(self, back_to: str) -> None:
        super().__init__(303, headers={"location": f"/sign-in?next={quote(back_to, safe='')}"})


async def sign_in_first(_: Request, error: Exception) -> RedirectResponse:
    """The handler of SignInFirst."""
    assert isinstance(error, SignInFirst)  # noqa: S101  # registered for nothing else
    return RedirectResponse((error.headers or {})["location"], 303)


class Guard(SecurityBase):
    """A route's dependency. Its `permission` is what a test of all routes reads; `everywhere`: held over all units."""

    def __init__(self, permission: Permission, *, everywhere: bool = False) -> None:
        self.permission = permission
        self.everywhere = everywhere
        self.scheme_name = "password"
        self.model = OAuth2(flows=OAuthFlows(password=OAuthFlowPassword(tokenUrl="/api/v1/auth/token")))

    async def __call__(self, request: Request) -> Actor:
        """Raises NotSignedIn (JSON) or SignInFirst (pages) for strangers, NotAllowed for others."""
        actor = await maybe_actor(request)
        if actor is None:
            if request.url.path.startswith("/api/"):
                raise NotSignedIn("请先用 POST /api/v1/auth/token 取得令牌，并放在 Authorization: Bearer 里。")
            raise SignInFirst(_back_to(request))
        if not actor.may(self.permission):
            await _note_refusal(request, actor, self.permission)
            raise NotAllowed("您的账号没有这项权限。需要的话，请联系本单位管理员开通。")
        if self.everywhere and not actor.may_everywhere(self.permission):
            await _note_refusal(request, actor, self.permission)
            raise NotAllowed("这件事涉及所有单位，只能由权限覆盖全部单位的人处理。")
        return actor


@cache
def requires(permission: Permission, *, everywhere: bool = False) -> Guard:
    """`actor: Annotated[Actor, Depends(requires(Permission.ORDER_PLACE))]`. everywhere: of a verb without a place."""
    return Guard(permission, everywhere=everywhere)


async def _note_refusal(request: Request, actor: Actor, permission: Permission) -> None:
    route = getattr(request.scope.get("route"), "path", "")
    subject = f"user_account:{actor.user_id}"
    if TOLD.is_news(subject, f"{request.method} {route}"):
        await note_security(
            request.app.state.database,
            "refused",
            subject=subject,
            actor_id=actor.user_id,
            facts={"permission": permission.value, "method": request.method, "route": route},
            now=clock.now(),
        )


async def maybe_actor(request: Request) -> Actor | None:
    """Whoever calls, or None for a stranger. Raises NotSignedIn on a token that is no good (any more)."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return await _bearer(request, authorization)
    viewer = await _viewer(request)
    return viewer.actor if viewer else None


async def _bearer(request: Request, authorization: str) -> Actor:
    scheme, _, token = authorization.partition(" ")
    door = Door.of(request.app)
    actor = door.tokens.read(token.strip(), now=clock.wall()) if scheme.lower() == "bearer" else None
    if actor is None or await door.revocations.is_revoked(actor.session_id):
        raise NotSignedIn("令牌无效或已过期，请重新取得令牌。")
    return actor


async def _viewer(request: Request) -> Viewer | None:
    if hasattr(request.state, "viewer"):  # the forms' middleware has looked already
        seen: Viewer | None = request.state.viewer
        return seen
    secret = request.cookies.get(session_cookie(request.app.state.settings))
    return await Door.of(request.app).pages.viewer(secret) if secret else None


def _back_to(request: Request) -> str:
    """The page itself, or the one whose form was sent."""
    if request.method in {"GET", "HEAD"}:
        return local_path(f"{request.url.path}?{request.url.query}".rstrip("?"))
    came_from = urlsplit(request.headers.get("referer", ""))
    same_house = came_from.netloc == request.headers.get("host")
    return local_path(f"{came_from.path}?{came_from.query}".rstrip("?")) if same_house else "/"


def local_path(there: str | None) -> str:
    """`there` when it is a path of this shop, else the front page: nobody is sent elsewhere by a link of ours."""
    if not there or not there.startswith("/") or there.startswith("//") or "\\" in there or not there.isprintable():
        return "/"
    parts = urlsplit(there)
    return "/" if parts.scheme or parts.netloc else there
