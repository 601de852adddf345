"""A signed page comes back as a picture or PDF; the text of its QR code says where it belongs."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.bulk.choice.leader import led_by
from orders.evidence.queries import paper_seen_by
from orders.roll.draw_up import draw_up
from orders.roll.paper import page_digest, read_qr
from orders.roll.queries import page_of
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem


class ScanMisplaced(Problem):
    """A code of another purchase, of a page that does not exist, or of one that looks different."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "scan_misplaced"
    title: ClassVar[str] = "这一页不属于这份签领表"


_KEEP = text("""
INSERT INTO roll_scan (purchase_id, page, evidence_sha256, page_digest, added_by, added_at)
VALUES (:purchase, :page, :sha, :digest, :actor, :now) ON CONFLICT DO NOTHING
""")


async def attach_scan(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, qr: str, evidence_sha256: str, now: datetime
) -> int:
    """Hang a kept paper at the page that the code names; returns the page. Twice the same is once.

    Raises NotFound (purchase, paper), RollTooEarly, ScanMisplaced.
    """
    led = await led_by(session, actor, purchase_id, now, Permission.ROLL_WRITE)
    await draw_up(session, led.purchase)
    await paper_seen_by(session, actor, evidence_sha256, day=clock.business_day(now))
    said = read_qr(qr)
    if said is None or said[0] != purchase_id:
        raise _misplaced("二维码不是这份签领表的，请核对采购编号。")
    _, page, digest = said
    found = await page_of(session, purchase_id, page)
    if found is None or (led.units is not None and not led.units.intersection(found.units)):
        raise _misplaced(f"签领表没有第 {page} 页。")
    if page_digest(purchase_id, page, found.people) != digest:
        raise _misplaced(f"第 {page} 页的摘要不符，请核对是不是最新打印的一份。")
    named = {"purchase": purchase_id, "page": page, "sha": evidence_sha256, "digest": digest}
    await session.execute(_KEEP, named | {"actor": actor.user_id, "now": now})
    return page


def _misplaced(said: str) -> ScanMisplaced:
    return ScanMisplaced(said, [Detail("/qr", ScanMisplaced.code, said)])
