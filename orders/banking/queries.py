"""What waits at the bank desk, with what it may be for."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ARRAY, Date, Text, Uuid, bindparam, text

from orders.banking.active_match import ACTIVE
from orders.banking.proven import PROVEN
from orders.banking.returned import RETURNED_AS_SAID, returned_of
from orders.banking.schemas import BankShareOut, ReceiptOut, TransferOut
from orders.banking.undo.propose_reversal import candidates_of
from orders.order.returnable import OVERPAID, RETURNABLE
from orders.order.transfer_code import codes_in
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import ReadSession
from shop.core.paging import cursor_of, read_cursor
from shop.organisation.queries import visible_unit_ids


@dataclass(frozen=True, slots=True)
class OverpaidSeen:
    """A share whose payer gets something back. returnable_fen: as much of it as may go."""

    payer_share_id: UUID
    order_number: str
    payer_name: str
    transfer_code: str
    due_fen: int
    paid_fen: int
    returnable_fen: int


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund of an order that was paid by transfer: somebody must send it back."""

    id: UUID
    order_number: str
    fen: int
    reason: str
    requested_at: datetime


_SHARE = """
jsonb_build_object('payer_share_id', s.id, 'order_number', o.number, 'payer_name', s.payer_name,
    'transfer_code', s.transfer_code, 'due_fen', s.due_fen, 'open_fen', greatest(0, s.due_fen - s.paid_fen)
"""
_TRANSFERS = f"""
SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'statement_id', t.statement_id,
    'serial_number', t.serial_number, 'day', t.day, 'amount_fen', t.amount_fen,
    'left_fen', t.amount_fen - t.taken_back_fen, 'payer_name', t.payer_name,
    'payer_account_last4', t.payer_account_last4, 'remark', t.remark, 'state', t.state, 'why_queued', t.why_queued,
    'proven', {PROVEN.format(t="t")},
    'how', (SELECT min(m.how) FROM transfer_match m WHERE m.transfer_id = t.id AND {ACTIVE}),
    'proposal', (SELECT jsonb_build_object('id', p.id, 'reason', p.reason, 'remember_payer', p.remember_payer,
        'proposed_by', p.proposed_by) FROM match_proposal p WHERE p.transfer_id = t.id AND p.state = 'proposed'),
    'shares', (SELECT coalesce(jsonb_agg({_SHARE}, 'fen', x.amount_fen) ORDER BY s.id), '[]') FROM (
        SELECT m.payer_share_id, m.amount_fen FROM transfer_match m WHERE m.transfer_id = t.id AND {ACTIVE}
        UNION ALL SELECT y.payer_share_id, y.amount_fen FROM match_proposal_share y
        JOIN match_proposal p ON p.id = y.proposal_id WHERE p.transfer_id = t.id AND p.state = 'proposed') x
        JOIN payer_share s ON s.id = x.payer_share_id JOIN shop_order o ON o.id = s.order_id),
    'suggestions', '[]'::jsonb, 'may_take_back', '[]'::jsonb, 'may_be_ours', '[]'::jsonb,
    'came_back', (SELECT jsonb_build_object('id', c.id, 'state', c.state, 'reason', c.reason,
        'proposed_by', c.proposed_by, 'returned', jsonb_build_object('kind', x.kind, 'id', x.id,
            'order_number', x.number, 'payer_name', x.payer_name, 'fen', x.fen, 'bank_reference', x.bank_reference))
        FROM came_back c, LATERAL ({RETURNED_AS_SAID}) x
        WHERE c.transfer_id = t.id AND c.state IN ('proposed', 'confirmed')),
    'undoing', (SELECT jsonb_build_object('id', u.id, 'reversal_id', u.reversal_id,
        'undoes_id', u.undoes_id, 'reason', u.reason,
        'proposed_by', u.proposed_by, 'receipt', jsonb_build_object('id', r.id, 'serial_number', r.serial_number,
            'day', r.day, 'payer_name', r.payer_name, 'remark', r.remark, 'state', r.state,
            'left_fen', r.amount_fen - r.taken_back_fen))
        FROM match_undoing u JOIN bank_transfer r ON r.id = u.receipt_id
        WHERE t.id IN (u.receipt_id, u.reversal_id) AND u.state = 'proposed')) ORDER BY t.day, t.id), '[]')::text
FROM (SELECT t.* FROM bank_transfer t JOIN bank_statement b ON b.id = t.statement_id
"""  # noqa: S608  # composed of our own constants
# What waits for a second person stands first, however much waits for a first one.
_RANK = """(t.state <> 'proposed' AND NOT EXISTS (SELECT FROM match_undoing u
    WHERE u.receipt_id = t.id AND u.state = 'proposed' AND u.reversal_id IS NULL))::int"""
_QUEUE = text(f"""{_TRANSFERS} WHERE (t.state IN ('queued', 'proposed') OR t.id IN (
        SELECT receipt_id FROM match_undoing WHERE state = 'proposed' AND reversal_id IS NULL))
    AND (:all OR b.unit_id = ANY(:units))
    AND (CAST(:rank AS int) IS NULL OR ({_RANK}, t.day, t.id) > (:rank, CAST(:day AS date), CAST(:id AS uuid)))
    ORDER BY {_RANK}, t.day, t.id LIMIT :most) t""").bindparams(  # noqa: S608  # our own constants
    bindparam("units", type_=ARRAY(Uuid)), bindparam("day", type_=Date)
)
_SAID = "position(lower(CAST(:q AS text)) IN lower({column})) > 0"
# Without a question the rows of the last days; with one any that it names, also those that the bank took back.
_MATCHED = text(f"""{_TRANSFERS} WHERE (t.state IN ('matched', 'set_aside', 'came_back')
        OR (t.state = 'taken_back' AND CAST(:q AS text) <> ''))
    AND (:all OR b.unit_id = ANY(:units)) AND NOT EXISTS (
        SELECT FROM match_undoing u WHERE u.receipt_id = t.id AND u.state = 'proposed')
    AND CASE WHEN CAST(:q AS text) = '' THEN t.imported_at > :since ELSE {_SAID.format(column="t.serial_number")}
        OR {_SAID.format(column="t.payer_name")} OR {_SAID.format(column="t.remark")} OR EXISTS (
            SELECT FROM transfer_match m JOIN payer_share s ON s.id = m.payer_share_id
            JOIN shop_order o ON o.id = s.order_id WHERE m.transfer_id = t.id
                AND {_SAID.format(column="concat_ws(' ', o.number, s.transfer_code, s.payer_name)")}) END
    ORDER BY t.imported_at DESC, t.id LIMIT :most) t""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own constants
_OF_STATEMENT = text(f"{_TRANSFERS} WHERE t.statement_id = :statement ORDER BY t.day, t.id LIMIT :most) t")
# Open shares with exactly this amount, or named by a code in the remark.
_FITTING = text(f"""
SELECT coalesce(jsonb_agg({_SHARE}, 'fen', NULL) ORDER BY s.id), '[]')::text
FROM payer_share s JOIN shop_order o ON o.id = s.order_id
WHERE (s.transfer_code = ANY(:codes) OR (s.due_fen > s.paid_fen AND s.due_fen - s.paid_fen = ANY(:amounts)
    AND o.state NOT IN ('cancelled', 'expired')))
    AND (:all OR coalesce(s.unit_id, o.unit_id) = ANY(:units))
""").bindparams(  # noqa: S608  # our own constant
    bindparam("codes", type_=ARRAY(Text)), bindparam("units", type_=ARRAY(Uuid))
)
_BY_CODE = text("SELECT transfer_code, id FROM payer_share WHERE transfer_code = ANY(:codes)").bindparams(
    bindparam("codes", type_=ARRAY(Text))
)
_OVERPAID = text(f"""
SELECT s.id AS payer_share_id, o.number AS order_number, s.payer_name, s.transfer_code, s.due_fen, s.paid_fen,
    back.fen AS returnable_fen
FROM payer_share s JOIN shop_order o ON o.id = s.order_id, LATERAL ({RETURNABLE}) back
WHERE {OVERPAID} AND back.fen > 0 AND (:all OR coalesce(s.unit_id, o.unit_id) = ANY(:units)) ORDER BY s.id LIMIT :most
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))  # noqa: S608  # our own constants
_REFUNDS = text("""
SELECT r.id, o.number AS order_number, r.amount_fen - r.allowance_fen AS fen, r.reason, r.requested_at
FROM refund r JOIN payment p ON p.id = r.payment_id JOIN shop_order o ON o.id = r.order_id
WHERE r.state = 'requested' AND p.method = 'bank_transfer' AND r.amount_fen > r.allowance_fen
    AND (:all OR o.unit_id = ANY(:units)) ORDER BY r.requested_at, r.id LIMIT :most
""").bindparams(bindparam("units", type_=ARRAY(Uuid)))
_transfers = TypeAdapter(list[TransferOut]).validate_json
_shares = TypeAdapter(list[BankShareOut]).validate_json
SUGGESTED_MOST = 5
MATCHED_SHOWN = timedelta(days=31)


async def queue_of(
    session: ReadSession, actor: Actor, *, day: date, limit: int, cursor: str | None = None
) -> tuple[list[TransferOut], str | None]:
    """Transfers of the actor's desks that no share has yet, each with shares that may fit, and where the next page
    begins: first those that wait for a second person, then the oldest.
    """
    visible = await visible_desks(session, actor, day)
    rank, after, after_id = read_cursor(cursor, int, date, UUID) if cursor else (None, None, None)
    place = {"rank": rank, "day": after, "id": after_id, "most": limit + 1}
    found = _transfers((await session.execute(_QUEUE, visible | place)).scalar_one())
    found.sort(key=lambda one: (_rank(one), one.day, one.id))
    more, found = len(found) > limit, found[:limit]
    meant = await candidates_of(session, [one.id for one in found if one.amount_fen < 0], every=True)
    for one in found:
        one.may_take_back.extend(
            ReceiptOut.model_validate(row, from_attributes=True) for row in meant.get(one.id, [])[:SUGGESTED_MOST]
        )
    await _ours_suggested(session, found, visible)
    last = cursor_of(_rank(found[-1]), found[-1].day, found[-1].id) if more else None
    return await _suggested(session, found, visible), last


def _rank(one: TransferOut) -> int:
    undone = one.undoing is not None and one.undoing.receipt.id == one.id and one.undoing.reversal_id is None
    return int(one.state != "proposed" and not undone)


async def matched_of(
    session: ReadSession, actor: Actor, *, now: datetime, q: str = "", most: int = 50
) -> list[TransferOut]:
    """Rows that have their shares or took a receipt back, rows put aside, and what came back: the wrong ones are undone
    from here. Of the last days; q: of any, by serial number, payer, remark, order number or transfer code.
    """
    named = {"since": now - MATCHED_SHOWN, "most": most, "q": q}
    visible = await visible_desks(session, actor, clock.business_day(now))
    return _transfers((await session.execute(_MATCHED, visible | named)).scalar_one())


async def transfers_of(session: ReadSession, actor: Actor, statement_id: UUID, *, day: date) -> list[TransferOut]:
    """All transfers that a statement brought, each with shares that may fit. The caller asked whose it is."""
    found = _transfers((await session.execute(_OF_STATEMENT, {"statement": statement_id, "most": 20_000})).scalar_one())
    return await _suggested(session, found, await visible_desks(session, actor, day))


async def overpaid_of(session: ReadSession, actor: Actor, *, day: date, most: int = 100) -> list[OverpaidSeen]:
    """Shares that were paid too much, or whose order is over, and whose payers get the rest back."""
    rows = await session.execute(_OVERPAID, await visible_desks(session, actor, day) | {"most": most})
    return [OverpaidSeen(**row) for row in rows.mappings()]


async def refunds_of(session: ReadSession, actor: Actor, *, day: date, most: int = 100) -> list[RefundSeen]:
    """Refunds that wait for a bank transfer of ours, the oldest first."""
    rows = await session.execute(_REFUNDS, await visible_desks(session, actor, day) | {"most": most})
    return [RefundSeen(**row) for row in rows.mappings()]


async def shares_by_code(session: ReadSession, codes: list[str]) -> dict[str, UUID]:
    return {row.transfer_code: row.id for row in await session.execute(_BY_CODE, {"codes": codes})}


async def visible_desks(session: ReadSession, actor: Actor, day: date) -> dict[str, object]:
    """`:all` and `:units` of a statement: whose desks' rows the actor sees."""
    units = await visible_unit_ids(session, actor, Permission.BANK_IMPORT, day)
    return {"all": units is None, "units": sorted(units or ())}


async def _ours_suggested(session: ReadSession, found: list[TransferOut], visible: dict[str, object]) -> None:
    """Refunds and pay-backs of exactly this amount that may have come back with a row that waits."""
    open_ones = [one for one in found if one.state == "queued" and one.amount_fen > 0]
    ours = await returned_of(session, sorted({one.left_fen for one in open_ones}), visible)
    for one in open_ones:
        one.may_be_ours.extend([seen for seen in ours if seen.fen == one.left_fen][:SUGGESTED_MOST])


async def _suggested(
    session: ReadSession, transfers: list[TransferOut], visible: dict[str, object]
) -> list[TransferOut]:
    open_ones = [one for one in transfers if one.state == "queued" and one.amount_fen > 0]
    if not open_ones:
        return transfers
    codes = {one.id: codes_in(one.remark) for one in open_ones}
    facts = {
        "codes": sorted({code for each in codes.values() for code in each}),
        "amounts": sorted({one.left_fen for one in open_ones}),
    }
    fitting = _shares((await session.execute(_FITTING, visible | facts)).scalar_one())
    for one in open_ones:
        by_code = [share for share in fitting if share.transfer_code in codes[one.id]]
        exact = [share for share in fitting if share.open_fen == one.left_fen and share not in by_code]
        one.suggestions.extend([*by_code, *exact][:SUGGESTED_MOST])
    return transfers
