"""What a receiver types: pieces line by line, the truck, the second person."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from orders.acceptance.received import Truck
from orders.acceptance.rules import Counted
from orders.bulk.receiving.pending import LineSeen
from shop.core.errors import Detail, Invalid
from shop.sheet.value import Unreadable, whole_of

Fields = Mapping[str, str]
PIECES_MOST = 9_999_999
PICK, EXCEPT = "pick-", "except-"


def counts(delivery_id: UUID, lines: Sequence[LineSeen], fields: Fields) -> list[Counted]:
    """Whole pieces; fields are called `what-delivery.line.payer`. Raises Invalid with every field that is wrong."""
    wrong: list[Detail] = []

    def said(what: str, line: LineSeen) -> str:
        return fields.get(f"{what}-{delivery_id}.{line.key}", "").strip()

    def pieces(what: str, line: LineSeen) -> int:
        written = said(what, line)
        if what == "accepted" and not written:
            wrong.append(Detail(f"/{what}-{line.key}", "missing", f"{line.title}：请填实收，没到的填 0"))
        try:
            return whole_of(written, most=PIECES_MOST) * 1_000 if written else 0
        except Unreadable:
            wrong.append(Detail(f"/{what}-{line.key}", "not_pieces", f"{line.title}：“{written[:20]}”不是整件数"))
        return 0

    def best_before(line: LineSeen) -> date | None:
        try:
            return day(said("best_before", line))
        except Invalid:
            wrong.append(Detail(f"/best_before-{line.key}", "day_wrong", f"{line.title}：保质期应为 2026-11-22 的样子"))
            return None

    found = [
        Counted(
            line_id=line.line_id,
            payer_share_id=line.payer_share_id,
            accepted_milli=pieces("accepted", line),
            short_milli=pieces("short", line),
            damaged_milli=pieces("damaged", line),
            refused_milli=pieces("refused", line),
            reason=plain(said("reason", line))[:200] or None,
            best_before=best_before(line),
            batch_number=plain(said("batch", line))[:60] or None,
        )
        for line in lines
    ]
    if wrong:
        raise Invalid("请改正标出的地方，其余已为您保留。", wrong)
    return found


def witness(fields: Fields) -> UUID:
    """Raises Invalid where nobody was chosen."""
    try:
        return UUID(fields.get("witness_id", ""))
    except ValueError as error:
        raise Invalid("请选共同验收人。", [Detail("/witness_id", "missing", "验收要两个人")]) from error


def day(written: str) -> date | None:
    """Raises Invalid for what is no day of the calendar."""
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as error:
        raise Invalid("请改正日期，应为 2026-11-22 的样子。") from error


def truck(fields: Fields) -> Truck | None:
    """Raises Invalid for a driver without a plate, or the reverse."""
    driver, plate = plain(fields.get("driver", ""))[:100], plain(fields.get("plate", ""))[:20]
    if not driver and not plate:
        return None
    if not driver or not plate:
        raise Invalid("司机和车牌要一起填。", [Detail("/plate", "missing", "司机和车牌要一起填")])
    return Truck(driver, plate, plain(fields.get("delivery_note", ""))[:60] or None)


def ticked(fields: Fields, prefix: str) -> list[UUID]:
    """The ids of ticked boxes that are called `prefix` and an id."""
    found = []
    for name in fields:
        if name.startswith(prefix):
            try:
                found.append(UUID(name.removeprefix(prefix)))
            except ValueError:
                continue
    return found


def plain(written: str) -> str:
    """Without control characters, which no field of a form is meant to hold."""
    return "".join(letter for letter in written if letter.isprintable()).strip()
