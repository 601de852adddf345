"""Write that transfers are for these shares, each once, and settle exactly those."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from orders.banking.find_shares import Found
from orders.banking.settle_transfer import Applied, settle_transfers
from shop.core.database import WriteSession
from shop.core.rows import as_rows

_MATCH = text("""
WITH requested AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(transfer_id uuid, share_id uuid, fen bigint, how text)
), taken AS (
    UPDATE bank_transfer t SET state = 'matched', matched_fen = w.fen, why_queued = NULL
    FROM (SELECT transfer_id, sum(fen) AS fen FROM requested GROUP BY transfer_id) w
    WHERE t.id = w.transfer_id AND t.amount_fen - t.taken_back_fen = w.fen AND t.state IN ('queued', 'proposed')
    RETURNING t.id
)
INSERT INTO transfer_match (transfer_id, payer_share_id, round, amount_fen, how, proposal_id, matched_at)
SELECT w.transfer_id, w.share_id, 1 + (SELECT count(*) FROM transfer_unmatch u
        WHERE u.transfer_id = w.transfer_id AND u.payer_share_id = w.share_id),
    w.fen, w.how, CAST(:proposal AS uuid), :now
FROM requested w JOIN taken ON taken.id = w.transfer_id ORDER BY 1, 2
RETURNING transfer_id, payer_share_id
""")


async def apply_matches(
    session: WriteSession,
    applied: Sequence[Applied],
    found: Mapping[UUID, Found],
    *,
    proposal_id: UUID | None,
    now: datetime,
) -> int:
    """Write the matches of transfers that are not matched yet, and settle exactly those; returns how many rows."""
    rows = [
        {
            "transfer_id": one.transfer_id,
            "share_id": one.payer_share_id,
            "fen": one.amount_fen,
            "how": found[one.transfer_id].how,
        }
        for one in applied
    ]
    if not rows:
        return 0
    done = await session.execute(_MATCH, {"rows": as_rows(rows), "proposal": proposal_id, "now": now})
    written = {(row.transfer_id, row.payer_share_id) for row in done}
    await settle_transfers(
        session, [one for one in applied if (one.transfer_id, one.payer_share_id) in written], now=now
    )
    return len(written)
