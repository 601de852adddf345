"""One thing that does not agree, in words for people."""

from dataclasses import dataclass
from uuid import UUID

from orders.balance.identity import LAWS, Apart
from orders.balance.rules import PARTS, Owner, judged
from shop.ui.filters import yuan


@dataclass(frozen=True, slots=True)
class Difference:
    """amount is signed, in `measure` (fen, pieces or entries); subject: `order:…`, `payment:…`, `refund:…` …

    waits: nothing is wrong, it waits for a person (an open item). unit_id: whose it is, where the subject does not say.
    """

    code: str
    subject: str
    amount: int
    said: str
    owner: Owner
    reason: str
    measure: str = "fen"
    unit_id: UUID | None = None
    waits: bool = False


def of_law(apart: Apart) -> Difference:
    """`订单 …：货款 ¥10.00 + 运费 ¥6.00 ≠ 收款 ¥16.01，相差 −¥0.01`."""
    verdict = judged(apart)
    law = next((law for law in LAWS if law.code == apart.law), None)
    left, right = (law.left, law.right) if law else (("rollup",), ("entries",))
    sides = f"{_side(apart, left)} ≠ {_side(apart, right)}"
    said = f"{apart.of.word} {apart.key}：{sides}，相差 {_figure(apart.by, apart.measure)}"
    subject = f"{apart.of.kind}:{apart.key}"
    return Difference(verdict.code, subject, apart.by, said, verdict.owner, verdict.reason, apart.measure)


def _side(apart: Apart, parts: tuple[str, ...]) -> str:
    return " + ".join(f"{PARTS[part]} {_figure(apart.parts[part], apart.measure)}" for part in parts)


def _figure(amount: int, measure: str) -> str:
    return yuan(amount) if measure == "fen" else f"{amount} 件"
