"""Let changes wait for a second person: one review a product, which the next word about the same thing replaces."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from catalog.review.item import Item, Key, read_items, said
from shop.access.permissions import Actor
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.ids import new_id
from shop.core.rows import as_rows


@dataclass(frozen=True, slots=True)
class Asked:
    """A product that waits. title: as it stands on the shelf."""

    review_id: UUID
    product_id: UUID
    code: str
    title: str
    items: tuple[Item, ...]


_WAITING = text("""
SELECT id, product_id, items FROM product_review WHERE product_id = ANY(:ids) AND state = 'waiting'
ORDER BY id FOR UPDATE
""")
_TITLES = text("SELECT id, code, title FROM product WHERE id = ANY(:ids)")
_END = text("""
UPDATE product_review SET state = r.state, decided_by = :actor, decided_at = :now, reason = r.reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, state text, reason text)
WHERE product_review.id = r.id AND product_review.state = 'waiting'
""")
_ASK = text("""
INSERT INTO product_review (id, product_id, items, state, asked_by, asked_at, author_ids, reference, replaces)
SELECT id, product_id, items, 'waiting', :actor, :now,
    ARRAY(SELECT CAST(a AS uuid) FROM jsonb_array_elements_text(authors) AS a), :reference, replaces
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, product_id uuid, items jsonb, authors jsonb, replaces uuid)
""")


async def ask(
    session: WriteSession,
    *,
    actor: Actor | None,
    spoken: Mapping[UUID, Collection[Key]],
    items: Mapping[UUID, Sequence[Item]],
    reference: str,
    now: datetime,
    again: UUID | None = None,
) -> list[Asked]:
    """spoken: by product, what was spoken of; items: what of it waits. The products that wait now, by code.

    What was spoken of before and not again goes on waiting. A review that would be the same stays as it is; one of
    which nothing is left is taken back. The caller holds the products' locks. again: a review that is asked for again.
    """
    ids = sorted(spoken)
    before = {row.product_id: row for row in await session.execute(_WAITING, {"ids": ids})}
    waits: dict[UUID, tuple[UUID, list[Item]]] = {}
    ended, made = [], []
    for product_id in ids:
        old = before.get(product_id)
        known = read_items(old.items) if old else []
        requested = [*(one for one in known if one.key not in spoken[product_id]), *items.get(product_id, ())]
        if {one.content for one in requested} == {one.content for one in known}:
            if old:
                waits[product_id] = old.id, known
            continue
        if old:
            ended.append(_ending(old, replaced=bool(requested)))
        if requested:
            made.append(_new(product_id, requested, actor, old.id if old else again))
            waits[product_id] = made[-1]["id"], requested
    await _write(session, ended, made, actor=actor, reference=reference, now=now)
    products = {row.id: row for row in await session.execute(_TITLES, {"ids": list(waits)})} if waits else {}
    asked = [
        Asked(review_id, one, products[one].code, products[one].title, tuple(requested))
        for one, (review_id, requested) in waits.items()
    ]
    return sorted(asked, key=lambda one: one.code)


def _ending(old: Row[Any], *, replaced: bool) -> dict[str, Any]:
    if replaced:
        return {"id": old.id, "state": "replaced", "reason": "被后来的修改取代"}
    return {"id": old.id, "state": "withdrawn", "reason": "后来交来的内容与货架上一致"}


def _new(product_id: UUID, requested: Sequence[Item], actor: Actor | None, replaces: UUID | None) -> dict[str, Any]:
    authors = {one.by for one in requested if one.by} | ({actor.user_id} if actor else set())
    return {
        "id": new_id(), "product_id": product_id, "items": requested, "authors": sorted(authors), "replaces": replaces,
    }  # fmt: skip


async def _write(
    session: WriteSession,
    ended: Sequence[dict[str, Any]],
    made: Sequence[dict[str, Any]],
    *,
    actor: Actor | None,
    reference: str,
    now: datetime,
) -> None:
    by = actor.user_id if actor else None
    facts = {"actor": by, "now": now}
    if ended:
        await session.execute(_END, facts | {"rows": as_rows(ended)})
    if made:
        await session.execute(_ASK, facts | {"rows": as_rows(made), "reference": reference})
    changes = [Change(f"product_review.{one['state']}", f"product_review:{one['id']}", None, None) for one in ended]
    for one in made:
        old, new = said(one["items"])
        new["product_id"] = str(one["product_id"])
        changes.append(Change("product_review.ask", f"product_review:{one['id']}", old, new))
    await record_changes(session, changes, actor_id=by, now=now)
