"""A member chooses a package by the personal link: no account, until the cut-off, and as often as minds change."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import Row, text

from shop.core.database import ReadSession, WriteSession
from shop.core.errors import NotFound, Problem

OPEN = """p.choices_frozen_at IS NULL AND p.state IN ('draft', 'quoting')
    AND (p.choose_until IS NULL OR p.choose_until > :now)"""
"""Whether choices of purchase `p` are taken at `:now`."""


class ChoicesClosed(Problem):
    """After the cut-off what was chosen stands, and who did not choose gets the default."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "choices_closed"
    title: ClassVar[str] = "选择已经截止"


class PackageUnknown(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "package_unknown"
    title: ClassVar[str] = "没有这个套餐"


@dataclass(frozen=True, slots=True)
class Goods:
    title: str
    spec: str
    pieces: int
    image: str


@dataclass(frozen=True, slots=True)
class Package:
    """What may be chosen. `chosen`: by the member who looks."""

    id: UUID
    name: str
    goods: tuple[Goods, ...]
    chosen: bool
    is_default: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What a member's page shows: the purchase, what there is, what was chosen; nothing of anybody else."""

    title: str
    union: str
    choose_until: datetime | None
    open: bool
    chosen_by: str | None
    packages: tuple[Package, ...]


_MINE = text(f"""
SELECT m.purchase_id, m.person_id, m.package_id, m.chosen_by, p.title, l.name AS union_name, p.choose_until,
    ({OPEN}) AS open
FROM bulk_member m JOIN bulk_purchase p ON p.id = m.purchase_id JOIN labour_union l ON l.id = p.union_id
WHERE m.link_sha256 = :link
""")  # noqa: S608  # our own constant
_GOODS = text("""
SELECT k.id, k.name, k.is_default, d.title, s.spec, l.pieces, d.id AS product_id
FROM bulk_package k JOIN bulk_package_line l ON l.package_id = k.id
JOIN sku s ON s.id = l.sku_id JOIN product d ON d.id = s.product_id
WHERE k.purchase_id = :purchase ORDER BY k.position, s.code
""")
# Held until the choice is committed: the cut-off waits for it, or it finds the choices frozen.
_STILL_OPEN = text(f"SELECT p.id FROM bulk_purchase p WHERE p.id = :purchase AND {OPEN} FOR SHARE")  # noqa: S608
_CHOOSE = text("""
UPDATE bulk_member m SET package_id = k.id, chosen_by = 'self', chooser_id = NULL, chosen_at = :now
FROM bulk_package k
WHERE m.link_sha256 = :link AND k.id = :package AND k.purchase_id = m.purchase_id RETURNING m.person_id
""")


def digest_of(secret: str) -> str:
    """What is stored of a link's secret."""
    return sha256(secret.encode()).hexdigest()


async def choice_of(session: ReadSession, secret: str, now: datetime) -> Choice:
    """The page of whoever holds the link. Raises NotFound."""
    mine = await _mine(session, secret, now)
    packages: dict[UUID, Package] = {}
    for row in await session.execute(_GOODS, {"purchase": mine.purchase_id}):
        goods = Goods(row.title, row.spec, row.pieces, f"/media/products/{row.product_id}.svg")
        before = packages.get(row.id)
        packages[row.id] = Package(
            row.id,
            row.name,
            (*before.goods, goods) if before else (goods,),
            row.id == mine.package_id,
            row.is_default,
        )
    return Choice(mine.title, mine.union_name, mine.choose_until, mine.open, mine.chosen_by, tuple(packages.values()))


async def choose(session: WriteSession, *, secret: str, package_id: UUID, now: datetime) -> None:
    """Raises NotFound for a link that is none, ChoicesClosed, PackageUnknown."""
    mine = await _mine(session, secret, now)
    await hold_open(session, mine.purchase_id, now)
    named = {"link": digest_of(secret), "package": package_id, "now": now}
    if await session.scalar(_CHOOSE, named) is None:
        raise PackageUnknown("请从页面上的套餐里选一种。")


async def hold_open(session: WriteSession, purchase_id: UUID, now: datetime) -> None:
    """The cut-off cannot pass until this transaction ends. Raises ChoicesClosed when it has."""
    if await session.scalar(_STILL_OPEN, {"purchase": purchase_id, "now": now}) is None:
        raise ChoicesClosed("选择时间已过，已选的不能再改，没选的按默认套餐发放。有疑问请联系本单位工会经办人。")


async def _mine(session: ReadSession, secret: str, now: datetime) -> Row[Any]:
    mine = (await session.execute(_MINE, {"link": digest_of(secret), "now": now})).one_or_none()
    if mine is None:
        raise NotFound("这个链接无效，或已经换过。请向本单位工会经办人要新的链接。")
    return mine
