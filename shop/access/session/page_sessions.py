"""Page sessions: a random cookie whose digest alone is stored, looked up at most twice a second."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from time import monotonic
from typing import Final

from shop.access.permissions import Actor, Permission
from shop.access.session.tokens import grants_of
from shop.core import clock
from shop.core.database import Database
from shop.core.window import in_force

COOKIE: Final = "bangfu_session"
LIFETIME: Final = timedelta(hours=12)
REMEMBERED_SECONDS: Final = 0.5
_REMEMBERED_MOST: Final = 20_000
_SECRET_LENGTH: Final = 43

GRANTS_TODAY: Final = f"""
    SELECT array_agg(concat_ws(':', role, scope_kind, scope_id) ORDER BY role, scope_kind, scope_id)
    FROM role_grant
    WHERE user_id = account.id AND {in_force("", "{day}")}
"""  # noqa: S608  # expressions of our own
_RESOLVE: Final = f"""
    SELECT held.id AS session_id, account.id AS user_id, account.person_id, person.name,
           account.email_verified_at IS NOT NULL AS proven,
           ({GRANTS_TODAY.format(day="$3")}) AS grants
    FROM sign_in_session AS held
    JOIN user_account AS account ON account.id = held.user_id AND account.state = 'active'
    JOIN person ON person.id = account.person_id
    WHERE held.secret_sha256 = $1 AND held.kind = 'page' AND held.revoked_at IS NULL AND held.expires_at > $2
      AND split_part(lower(account.email), '@', 2) <> ALL($4)
"""  # noqa: S608  # only a placeholder's number is put in


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever looks at a page. `name` is shown to nobody else; `staff` opens the reports in the menu; `proven`: the
    address is verified.
    """

    actor: Actor
    name: str
    staff: bool
    proven: bool


def new_secret() -> str:
    """256 random bits for a cookie."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


@dataclass(slots=True)
class PageSessions:
    """Who a cookie belongs to, remembered for half a second: a revoked session or an ended grant lasts no longer.

    refused_domains: of accounts that nobody is here, whatever sessions they opened while this was another shop.
    """

    database: Database
    refused_domains: tuple[str, ...] = ()
    _remembered: dict[bytes, tuple[float, Viewer | None]] = field(default_factory=dict)

    async def viewer(self, secret: str) -> Viewer | None:
        """None when nobody is signed in with this cookie (any more)."""
        if len(secret) != _SECRET_LENGTH:
            return None
        key = digest_of(secret)
        known = self._remembered.get(key)
        if known and known[0] > monotonic():
            return known[1]
        asked_at = monotonic()
        viewer = await self._read(key)
        if len(self._remembered) >= _REMEMBERED_MOST:
            self._remembered.clear()
        self._remembered[key] = (asked_at + REMEMBERED_SECONDS, viewer)
        return viewer

    def forget(self, secret: str) -> None:
        """Signed in or out here: the next request must not see what was true before."""
        self._remembered.pop(digest_of(secret), None)

    async def _read(self, key: bytes) -> Viewer | None:
        row = await self.database.hot.fetchrow(_RESOLVE, key, clock.wall(), clock.today(), self.refused_domains)
        if row is None:
            return None
        actor = Actor(row["user_id"], row["person_id"], row["session_id"], grants_of(row["grants"] or ()))
        return Viewer(actor, row["name"] or "", actor.may(Permission.REPORT_READ), row["proven"])
