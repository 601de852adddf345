"""What waits for people: nothing that is wrong, and nothing that may be forgotten. One row a kind; add one here.

`rows` is SQL of (subject, unit_id, amount, currency, about, why): `about` names the order or document, `why` is a code
or a word of the provider's. An item is named by every run until its statement no longer finds it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from orders.balance.difference import Difference
from orders.balance.rules import Owner
from orders.payment_desk.waiting import WAITING
from orders.payment_desk.words import TO_DO, WHY
from shop.core.database import ReadSession
from shop.ui.filters import yuan


@dataclass(frozen=True, slots=True)
class OpenKind:
    """code: as in `rules.NAMES`; reason: what to do; words: what `why` means."""

    code: str
    owner: Owner
    reason: str
    rows: str
    words: Mapping[str, str]


def _desk(what: str, subject: str = "w.subject") -> str:
    return f"""SELECT {subject} AS subject, o.unit_id, w.amount_fen AS amount, w.currency, '订单 ' || o.number AS about,
        w.why FROM ({WAITING}) w JOIN shop_order o ON o.id = w.order_id WHERE w.what = '{what}'"""  # noqa: S608


KINDS: Final = (
    OpenKind("payment_held", "payments_desk", TO_DO["held"], _desk("held"), WHY),
    OpenKind("advance_kept", "payments_desk", TO_DO["advance"], _desk("advance"), WHY),
    OpenKind("dispute_open", "payments_desk", TO_DO["dispute"], _desk("dispute"), WHY),
    OpenKind("dispute_short", "payments_desk", TO_DO["dispute_short"], _desk("dispute_short"), WHY),
    OpenKind("refund_failed", "payments_desk", TO_DO["refund_failed"], _desk("refund_failed"), WHY),
    OpenKind("refund_undone", "payments_desk", TO_DO["refund_undone"], _desk("refund_undone"), WHY),
    # By the name that the comparison with the provider gives it: one thing is named once.
    OpenKind(
        "refund_unknown", "payments_desk", TO_DO["provider_refund"], _desk("provider_refund", "'refund:' || w.id"), WHY
    ),
)


async def open_items(session: ReadSession) -> list[Difference]:
    """Of the same snapshot as the identities."""
    found = []
    for kind in KINDS:
        for row in await session.execute(text(kind.rows)):
            amount = f"{yuan(row.amount)} 元" if row.currency == "cny" else f"{row.amount} {row.currency.upper()}"
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
