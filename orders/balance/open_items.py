"""What waits for people: nothing that is wrong, and nothing that may be forgotten. One row a kind; add one here.

`rows` is SQL of (subject, unit_id, amount, currency, about, why, since): `about` names the order or document, `why` is
a code or a word of the provider's, `since` where it matters. An item is named by every run until its statement no
longer finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from orders.balance.difference import Difference
from orders.balance.rules import Owner
from orders.banking.statement.one_transfer import COUNTED_TWICE
from orders.payment_desk.waiting import WAITING
from orders.payment_desk.words import BY_BANK, TO_DO, WHY
from shop.core import clock
from shop.core.database import ReadSession
from shop.ui.filters import yuan


@dataclass(frozen=True, slots=True)
class OpenKind:
    """code: as in `rules.NAMES`; reason: what to do; words: what `why` means. next_day: it is daily work, and named
    only once the business day of its `since` is over.
    """

    code: str
    owner: Owner
    reason: str
    rows: str
    words: Mapping[str, str]
    next_day: bool = False


def _desk(what: str, subject: str = "w.subject", also: str = "true") -> str:
    return f"""SELECT {subject} AS subject, coalesce(w.unit_id, o.unit_id) AS unit_id, w.amount_fen AS amount,
        w.currency, '订单 ' || o.number AS about, w.why, w.since
        FROM ({WAITING}) w JOIN shop_order o ON o.id = w.order_id WHERE w.what = '{what}' AND {also}"""  # noqa: S608


_BANK_WORDS: Final = {
    "queued": "待指明", "proposed": "待第二人确认", "taken_back": "银行冲回", "undone": "撤销匹配",
    "imported": "待第二人确认",
}  # fmt: skip


def _bank(where: str, why: str = "t.state") -> str:
    return f"""SELECT 'bank_transfer:' || t.id AS subject, s.unit_id, t.amount_fen AS amount, 'cny' AS currency,
        '流水 ' || t.serial_number || '（' || t.day || '）' AS about, {why} AS why
        FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id WHERE {where}"""  # noqa: S608


_STATEMENTS: Final = """
SELECT 'bank_statement:' || s.id AS subject, s.unit_id, coalesce((SELECT sum(r.amount_fen) FROM bank_statement_row r
    WHERE r.statement_id = s.id AND NOT r.refunded), 0)::bigint AS amount, 'cny' AS currency,
    '流水文件 ' || s.file_name AS about, 'imported' AS why
FROM bank_statement s WHERE s.state = 'imported'
"""
_TWICE: Final = f"t.id IN ({COUNTED_TWICE})"
_NO_FILE: Final = "t.amount_fen > 0 AND NOT EXISTS (SELECT FROM evidence e WHERE e.sha256 = s.file_sha256)"
# Goods that left, or were accepted, and whose money the bank took back. Of an order that has no goods to show (it
# waits, is over or was cancelled) only what its payer got back without having paid.
_UNPAID_AGAIN: Final = """
SELECT 'share:' || y.id AS subject, coalesce(y.unit_id, o.unit_id) AS unit_id,
    CASE WHEN o.state IN ('placed', 'expired', 'cancelled') THEN owed.fen ELSE y.due_fen - y.paid_fen END AS amount,
    'cny' AS currency,
    y.payer_name || ' · 订单 ' || o.number AS about,
    CASE WHEN EXISTS (SELECT FROM transfer_unmatch n JOIN match_undoing u ON u.id = n.undoing_id
        WHERE n.payer_share_id = y.id AND u.reversal_id IS NOT NULL) THEN 'taken_back' ELSE 'undone' END AS why
FROM payer_share y JOIN shop_order o ON o.id = y.order_id, LATERAL (
    SELECT coalesce(sum(CASE WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END), 0)::bigint AS fen
    FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
    WHERE a.kind = 'receivable' AND a.owner = y.id::text) owed
WHERE EXISTS (SELECT FROM transfer_unmatch n WHERE n.payer_share_id = y.id)
    AND CASE WHEN o.state IN ('placed', 'expired', 'cancelled') THEN owed.fen > 0 ELSE y.due_fen > y.paid_fen END
"""

KINDS: Final = (
    OpenKind("payment_held", "payments_desk", TO_DO["held"], _desk("held", also="NOT w.by_bank"), WHY),
    OpenKind("payment_held", "payments_desk", BY_BANK, _desk("held", also="w.by_bank"), WHY),
    OpenKind("advance_kept", "payments_desk", TO_DO["advance"], _desk("advance"), WHY),
    OpenKind("dispute_open", "payments_desk", TO_DO["dispute"], _desk("dispute"), WHY),
    OpenKind("dispute_short", "payments_desk", TO_DO["dispute_short"], _desk("dispute_short"), WHY),
    OpenKind("refund_failed", "payments_desk", TO_DO["refund_failed"], _desk("refund_failed"), WHY),
    OpenKind("refund_undone", "payments_desk", TO_DO["refund_undone"], _desk("refund_undone"), WHY),
    OpenKind("refund_to_send", "payments_desk", TO_DO["bank_refund"], _desk("bank_refund"), WHY, next_day=True),
    # By the name that the comparison with the provider gives it: one thing is named once.
    OpenKind(
        "refund_unknown", "payments_desk", TO_DO["provider_refund"], _desk("provider_refund", "'refund:' || w.id"), WHY
    ),
    OpenKind(
        "statement_waits",
        "payments_desk",
        "有人导入了流水，还没有入账：请另一位同事在对公转账页核对后确认或退回",
        _STATEMENTS,
        _BANK_WORDS,
    ),
    OpenKind(
        "bank_reversal",
        "payments_desk",
        "请在对公转账页指明银行冲回的是哪一笔到账，由另一位同事确认",
        _bank("t.amount_fen < 0 AND t.state IN ('queued', 'proposed')"),
        _BANK_WORDS,
    ),
    OpenKind(
        "bank_came_back",
        "payments_desk",
        "附言说是退汇：请在对公转账页指明是本店哪一笔退款没有送到，由另一位同事确认；不是的，匹配到付款份额",
        _bank("t.amount_fen > 0 AND t.why_queued = 'came_back' AND t.state IN ('queued', 'proposed')"),
        _BANK_WORDS,
    ),
    OpenKind(
        "bank_conflict",
        "payments_desk",
        "同一笔到账可能有两份记录（流水号相同而内容不同，或内容相同而流水号写法不同），请向银行核实，只匹配一笔，另一笔搁置",
        _bank("t.conflicts_with_id IS NOT NULL AND t.state IN ('queued', 'proposed')"),
        _BANK_WORDS,
    ),
    OpenKind(
        "receipt_doubled",
        "payments_desk",
        "同一笔银行流水记成了两笔到账，请核实后撤销一笔的匹配",
        _bank(_TWICE),
        _BANK_WORDS | {"matched": "已匹配"},
    ),
    OpenKind(
        "receipt_lost",
        "payments_desk",
        "到账背后没有银行的流水文件，请向银行重新取得流水",
        _bank(_NO_FILE),
        _BANK_WORDS | {"matched": "已匹配"},
    ),
    OpenKind(
        "unpaid_again",
        "payments_desk",
        "付款被冲回，而货已发出或已验收，或者款项已经退给付款方，请向付款方催收",
        _UNPAID_AGAIN,
        _BANK_WORDS,
    ),
)


async def open_items(session: ReadSession, *, now: datetime | None = None) -> list[Difference]:
    """Of the same snapshot as the identities. now: by default that of the clock."""
    today = clock.business_day(now or clock.now())
    found = []
    for kind in KINDS:
        for row in await session.execute(text(kind.rows)):
            if kind.next_day and clock.business_day(row.since) >= today:
                continue
            amount = yuan(row.amount) if row.currency == "cny" else f"{row.amount} {row.currency.upper()}"
            found.append(
                Difference(
                    kind.code,
                    row.subject,
                    row.amount,
                    f"{row.about}：{amount}，{kind.words.get(row.why, row.why)}",
                    kind.owner,
                    kind.reason,
                    unit_id=row.unit_id,
                    waits=True,
                )
            )
    return found
