"""Put products into the window."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from catalog.county.on_day import today_of
from catalog.product.touch import touch
from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem


class OriginCountyRequired(Problem):
    """A product without a county code valid today: what cannot say where it was grown cannot be sold here."""

    status = 422
    code = "origin_county_required"
    title = "上架前必须填写今天有效的产地县代码"


# An origin whose code was replaced moves to the code of today in the same breath (DOMAIN rule 26).
_LIST = text(f"""
WITH origin AS (
    SELECT q.id, c.code FROM product q CROSS JOIN LATERAL ({today_of("q.origin_county_code", ":day")}) c
    WHERE q.id = ANY(:ids) AND c.is_in_force
)
UPDATE product p SET state = 'listed', origin_county_code = o.code,
    changed_at = CASE WHEN p.state = 'listed' THEN p.changed_at ELSE :now END
FROM origin o WHERE p.id = o.id RETURNING p.id
""")  # noqa: S608  # expressions of our own
_KNOWN = text("SELECT id, code FROM product WHERE id = ANY(:ids) ORDER BY code")
_STATES = text("SELECT id FROM product WHERE id = ANY(:ids) AND state = 'listed'")


async def list_products(
    session: WriteSession, *, actor_id: UUID | None, product_ids: Collection[UUID], now: datetime
) -> None:
    """All of them, or none. Already listed is success. Raises NotFound, OriginCountyRequired (pointers `/{position}`,
    after `product_ids`).
    """
    requested = list(product_ids)
    known = {row.id: row.code for row in await session.execute(_KNOWN, {"ids": requested})}
    if len(known) < len(set(requested)):
        raise NotFound("没有这个商品。")
    before = set((await session.execute(_STATES, {"ids": requested})).scalars())
    listed = set(
        (await session.execute(_LIST, {"ids": requested, "day": clock.business_day(now), "now": now})).scalars()
    )
    homeless = [
        Detail(
            f"/{i}/origin_county_code",
            OriginCountyRequired.code,
            f"商品 {known[one]} 没有今天有效的产地县代码，请填写六位行政区划代码",
        )
        for i, one in enumerate(requested)
        if one not in listed
    ]
    if homeless:
        raise OriginCountyRequired("请补上产地县代码后再上架；什么都没有保存。", homeless)
    await touch(session, listed, now=now)
    await record_changes(
        session,
        [Change("product.list", f"product:{one}", None, {"state": "listed"}) for one in sorted(listed - before)],
        actor_id=actor_id,
        now=now,
    )
