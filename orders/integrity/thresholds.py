"""From what on something is worth a look: dated figures with a source; the defaults hold until somebody sets others."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from shop.core.audit import record_change
from shop.core.database import ReadSession, WriteSession
from shop.core.errors import Detail, Problem

DEFAULTS: Mapping[str, Mapping[str, int]] = {
    # Orders of one union from one supplier within `days` of each other, each at most `below_percent` under a tier.
    "split_below_tier": {
        "days": 30, "below_percent": 20, "tier_1_fen": 1_000_000, "tier_2_fen": 15_000_000, "tier_3_fen": 50_000_000,
    },
    "related_buyer": {},
    # December at least so many per cent of an average earlier month, and so much of it given back afterwards.
    "spike_refunded": {"of_month_percent": 200, "refunded_percent": 30, "least_fen": 1_000_000},
    # A new price within `days` before a campaign that is dearer by `rise_percent`.
    "price_jump": {"days": 30, "rise_percent": 20},
    # One phone for so many people within `days`.
    "shared_phone": {"people": 5, "days": 365},
    # A month of a channel and unit with `rows`, of which so many per cent are multiples of `round_fen`.
    "round_numbers": {"rows": 5, "percent": 60, "round_fen": 100_000},
    # Leading digits of the division code that origin and registration of the supplier share: 2 is the province.
    "far_origin": {"digits": 2},
    "invoice_repeated": {},
    # Rows without a signature so many days after the last acceptance.
    "roll_unsigned": {"days": 30},
    "dispute_open": {},
}  # fmt: skip


class NoSuchThreshold(Problem):
    status: ClassVar[int] = 422
    code: ClassVar[str] = "no_such_threshold"
    title: ClassVar[str] = "没有这个阈值"


class ThresholdTaken(Problem):
    """A figure of that day stands; later ones take its place, none is altered."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "threshold_taken"
    title: ClassVar[str] = "这一天已经有这个阈值"


_HOLDING = text("""
SELECT DISTINCT ON (kind, name) kind, name, value FROM flag_threshold WHERE valid_from <= :day
ORDER BY kind, name, valid_from DESC
""")
_ADD = text("""
INSERT INTO flag_threshold (kind, name, valid_from, value, source) VALUES (:kind, :name, :valid_from, :value, :source)
ON CONFLICT DO NOTHING RETURNING kind
""")


async def thresholds(session: ReadSession, day: date) -> dict[str, dict[str, int]]:
    """Kind → name → value as of a business day."""
    found = {kind: dict(values) for kind, values in DEFAULTS.items()}
    for row in await session.execute(_HOLDING, {"day": day}):
        found[row.kind][row.name] = row.value
    return found


async def set_threshold(
    session: WriteSession,
    *,
    actor_id: UUID,
    kind: str,
    name: str,
    value: int,
    valid_from: date,
    source: str,
    now: datetime,
) -> None:
    """A figure that holds from a day on. Raises NoSuchThreshold, ThresholdTaken."""
    if name not in DEFAULTS.get(kind, {}):
        raise NoSuchThreshold("请核对标记类别和阈值名称。", [Detail("/name", NoSuchThreshold.code, "没有这个阈值")])
    before = (await thresholds(session, valid_from))[kind][name]
    named = {"kind": kind, "name": name, "value": value, "valid_from": valid_from, "source": source}
    if await session.scalar(_ADD, named) is None:
        raise ThresholdTaken("请换一个生效日期。", [Detail("/valid_from", ThresholdTaken.code, "这一天已有")])
    await record_change(
        session,
        actor_id=actor_id,
        action="flag_threshold.set",
        subject=f"flag_threshold:{kind}.{name}",
        before={"value": before},
        after={"value": value, "valid_from": str(valid_from), "source": source},
        reason=source,
        now=now,
    )
