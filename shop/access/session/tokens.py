"""Bearer tokens: signed, ten minutes long, and enough by themselves to know who calls."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self, get_args
from uuid import UUID

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shop.access.permissions import Actor, Grant, Role, ScopeKind
from shop.core.keys import Keys

LIFETIME: Final = timedelta(minutes=10)
_ALGORITHMS: Final = ("HS256",)
_SCOPE_KINDS: Final[dict[str, ScopeKind]] = {kind: kind for kind in get_args(ScopeKind)}


class _Claims(msgspec.Struct):
    sub: str
    person: str
    sid: str
    exp: int
    grants: list[str]


_read_claims: Final = msgspec.json.Decoder(_Claims).decode


@dataclass(frozen=True, slots=True)
class Tokens:
    """Makes tokens with the first of the keys, which are this programme's alone, and reads those of each."""

    keys: Keys
    newest: OctKey

    @classmethod
    def of(cls, keys: Keys) -> Self:
        return cls(keys, OctKey.import_key(keys.newest("api tokens")))

    def issue(self, actor: Actor, *, now: datetime) -> str:
        """now: the machine's time; a set clock must not make tokens last."""
        claims = {
            "sub": actor.user_id.hex,
            "person": actor.person_id.hex,
            "sid": actor.session_id.hex,
            "exp": int((now + LIFETIME).timestamp()),
            "grants": [grant_text(grant) for grant in actor.grants],
        }
        return jwt.encode({"alg": "HS256"}, claims, self.newest, algorithms=_ALGORITHMS)

    def read(self, token: str, *, now: datetime) -> Actor | None:
        """Who the token speaks for; None when forged, malformed or too old. Revocation is the caller's question."""
        if actor := _read(token, self.newest, now=now):
            return actor
        others = map(OctKey.import_key, self.keys.every("api tokens")[1:])
        return next((actor for key in others if (actor := _read(token, key, now=now))), None)


def _read(token: str, key: OctKey, *, now: datetime) -> Actor | None:
    try:
        signed = jws.deserialize_compact(token.encode("ascii"), key, _ALGORITHMS)
        claims = _read_claims(signed.payload or b"")
        if claims.exp <= now.astimezone(UTC).timestamp():
            return None
        return Actor(UUID(claims.sub), UUID(claims.person), UUID(claims.sid), grants_of(claims.grants))
    except (JoseError, msgspec.MsgspecError, ValueError):
        return None


def grant_text(grant: Grant) -> str:
    """`role:scope_kind:scope_id`, as tokens carry it and the database spells it."""
    return f"{grant.role}:{grant.scope_kind}:{grant.scope_id}"


def grants_of(texts: Iterable[str]) -> tuple[Grant, ...]:
    """Raises ValueError on a text that `grant_text` would not write."""
    return tuple(_grant_of(*text.split(":", 2)) for text in texts)


def _grant_of(role: str, scope_kind: str, scope_id: str) -> Grant:
    if scope_kind not in _SCOPE_KINDS:
        raise ValueError(scope_kind)
    return Grant(Role(role), _SCOPE_KINDS[scope_kind], scope_id)
