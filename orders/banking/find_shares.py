"""Which shares a transfer is for: by the code in its remark, or because its payer is known and the amount is exact."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, text

from orders.banking.statement.read_row import names_reversal
from orders.order.transfer_code import codes_in
from shop.core.database import ReadSession
from shop.sheet.value import plain

EVERYBODY_PAYS = "person"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A transfer that waits for its shares."""

    id: UUID
    amount_fen: int
    payer_name: str
    payer_account_digest: str | None
    remark: str


@dataclass(frozen=True, slots=True)
class OpenShare:
    id: UUID
    order_id: UUID
    order_state: str
    payer_kind: str
    payer_id: UUID
    payer_name: str
    invoice_title: str
    transfer_code: str
    open_fen: int


@dataclass(frozen=True, slots=True)
class Found:
    """shares: (share, fen) that add up to the transfer; none: a person must look, and `why` says what for."""

    shares: tuple[tuple[UUID, int], ...]
    how: str | None = None
    why: str | None = None


_SHARE = """
SELECT s.id, s.order_id, o.state AS order_state, s.payer_kind, s.payer_id, s.payer_name, s.invoice_title,
    s.transfer_code, greatest(0, s.due_fen - s.paid_fen) AS open_fen
FROM payer_share s JOIN shop_order o ON o.id = s.order_id
    AND (CAST(:company AS uuid[]) IS NULL OR coalesce(s.unit_id, o.unit_id) = ANY(CAST(:company AS uuid[])))
"""
_BY_CODE = text(f"{_SHARE} WHERE s.transfer_code = ANY(:codes)").bindparams(bindparam("codes", type_=ARRAY(Text)))
# As long as a match by which two people said so stands.
_KNOWN_PAYER = """
(SELECT DISTINCT k.account_digest, k.plain_name, k.payer_kind, k.payer_id FROM known_payer k
JOIN match_proposal p ON p.id = k.proposal_id
JOIN transfer_match m ON m.transfer_id = p.transfer_id AND m.proposal_id = p.id
WHERE k.account_digest = ANY(:digests) AND NOT EXISTS (
    SELECT FROM transfer_unmatch n JOIN match_undoing u ON u.id = n.undoing_id WHERE u.reversal_id IS NULL
        AND (n.transfer_id, n.payer_share_id, n.round) = (m.transfer_id, m.payer_share_id, m.round))) k
"""
_BY_PAYER = text(f"""
SELECT k.account_digest, k.plain_name, shares.* FROM {_KNOWN_PAYER} JOIN (
    {_SHARE} WHERE s.due_fen > s.paid_fen AND o.state NOT IN ('cancelled', 'expired')
) shares ON shares.payer_kind = k.payer_kind AND shares.payer_id = k.payer_id
ORDER BY shares.id
""").bindparams(bindparam("digests", type_=ARRAY(Text)))  # noqa: S608  # as above
_KNOWN = text(f"SELECT * FROM {_KNOWN_PAYER}").bindparams(bindparam("digests", type_=ARRAY(Text)))  # noqa: S608  # as above


async def find_shares(
    session: ReadSession, incoming: Sequence[Incoming], *, company: Collection[UUID] | None
) -> dict[UUID, Found]:
    """For every transfer: its shares, or why a person must look. Three statements, however many transfers.

    company: the units whose shares a desk settles, as `company_of` says; None: all. A code is no right to another's.

    What an earlier transfer of the same list will pay is no longer open for the next one.
    """
    codes = {one.id: codes_in(one.remark) for one in incoming}
    requested = sorted({code for each in codes.values() for code in each})
    visible = {"company": None if company is None else list(company)}
    rows = (await session.execute(_BY_CODE, visible | {"codes": requested})).mappings()
    by_code = {row["transfer_code"]: OpenShare(**row) for row in rows}
    digests = sorted({one.payer_account_digest for one in incoming if one.payer_account_digest})
    of_payer: dict[tuple[str, str], list[OpenShare]] = {}
    for row in (await session.execute(_BY_PAYER, visible | {"digests": digests})).mappings():
        facts = dict(row)
        key = (facts.pop("account_digest"), facts.pop("plain_name"))
        of_payer.setdefault(key, []).append(OpenShare(**facts))
    known = {
        (row.account_digest, row.plain_name, row.payer_kind, row.payer_id)
        for row in await session.execute(_KNOWN, {"digests": digests})
    }
    left: dict[UUID, int] = {}
    found = {}
    for one in incoming:
        named = [by_code[code] for code in codes[one.id] if code in by_code]
        payer = (one.payer_account_digest or "", plain(one.payer_name))
        shares = {share.id: share for share in [*named, *of_payer.get(payer, [])]}
        open_fen = {share.id: left.setdefault(share.id, share.open_fen) for share in shares.values()}
        if names_reversal(one.remark):  # perhaps a refund of ours that could not be delivered
            found[one.id] = Found((), why="came_back")
        elif named:
            trusted = all(_may_pay(share, payer, known) for share in named)
            found[one.id] = _by_code(one, named, open_fen, trusted=trusted)
        else:
            found[one.id] = _by_payer(
                one, of_payer.get(payer, []), open_fen, is_known=any(k[:2] == payer for k in known)
            )
        for share_id, fen in found[one.id].shares:
            left[share_id] = max(0, left[share_id] - fen)
    return found


def _may_pay(share: OpenShare, payer: tuple[str, str], known: set[tuple[str, str, str, UUID]]) -> bool:
    """A person's order anybody may pay; a union's share itself, or an account that two people said pays for it."""
    digest, name = payer
    return (
        share.payer_kind == EVERYBODY_PAYS
        or name in {plain(share.payer_name), plain(share.invoice_title)}
        or (digest, name, share.payer_kind, share.payer_id) in known
    )


def _by_code(one: Incoming, named: Sequence[OpenShare], open_fen: dict[UUID, int], *, trusted: bool) -> Found:
    if not trusted:
        return Found((), why="new_payer")
    if any(share.payer_kind != EVERYBODY_PAYS and share.order_state in {"cancelled", "expired"} for share in named):
        return Found((), why="order_over")
    if len(named) == 1:
        return Found(((named[0].id, one.amount_fen),), "code")
    if sum(open_fen[share.id] for share in named) != one.amount_fen or not all(open_fen[s.id] for s in named):
        return Found((), why="amount_differs")
    return Found(tuple((share.id, open_fen[share.id]) for share in named), "code")


def _by_payer(one: Incoming, shares: Sequence[OpenShare], open_fen: dict[UUID, int], *, is_known: bool) -> Found:
    if not is_known:
        return Found((), why="new_payer")
    still = [share for share in shares if open_fen[share.id]]
    exact = [share for share in still if open_fen[share.id] == one.amount_fen]
    if len(exact) == 1:
        return Found(((exact[0].id, one.amount_fen),), "known_payer")
    if not exact and still and sum(open_fen[share.id] for share in still) == one.amount_fen:
        return Found(tuple((share.id, open_fen[share.id]) for share in still), "known_payer")
    return Found((), why="several_fit" if exact else "amount_differs")
