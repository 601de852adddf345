"""How much of a SKU: in pieces, or, where it is weighed, in grams. Inside it is milli-pieces everywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from shop.core.database import ReadSession
from shop.core.errors import Detail, Problem

PIECES_MOST: Final = 1_000_000
"""The most priced units of one line; a thousand tonnes of potatoes is a slip of the pen."""
_GOODS: Final = text("""
SELECT s.id, s.weighed, s.net_grams, s.spec, p.title FROM sku s JOIN product p ON p.id = s.product_id
WHERE s.id = ANY(:skus)
""").bindparams(bindparam("skus", type_=ARRAY(Uuid)))


class BadAmount(Problem):
    """One detail a line: neither pieces nor weight, both, too much, a weight of goods that are not weighed."""

    status = 422
    code = "amount_wrong"
    title = "数量或重量有误"


@dataclass(frozen=True, slots=True)
class Good:
    """net_grams: of one piece; of weighed goods, of the priced weight unit."""

    id: UUID
    weighed: bool
    net_grams: int
    spec: str
    title: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Of a SKU, either whole pieces or a weight in grams."""

    sku_id: UUID
    quantity: int | None = None
    grams: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """So many milli-pieces of a SKU."""

    sku_id: UUID
    milli: int

    @property
    def pieces(self) -> int:
        """Rounded up: what the barn sets aside."""
        return -(-self.milli // 1_000)


async def goods_of(session: ReadSession, sku_ids: Sequence[UUID]) -> dict[UUID, Good]:
    return {row.id: Good(*row) for row in await session.execute(_GOODS, {"skus": list(sku_ids)})}


def measured(amounts: Sequence[Amount], goods: Mapping[UUID, Good]) -> list[Measured]:
    """Pure. Raises BadAmount with one detail a line."""
    found, wrong, seen = [], [], set()
    for index, one in enumerate(amounts):
        good = goods.get(one.sku_id)
        trouble = "没有这个商品规格" if good is None else _trouble(one, good)
        if one.sku_id in seen:
            trouble = "同一规格只能写一行"
        seen.add(one.sku_id)
        if good is None or trouble:
            wrong.append(Detail(f"/lines/{index}", BadAmount.code, trouble or ""))
        else:
            found.append(Measured(one.sku_id, _milli(one, good)))
    if wrong:
        raise BadAmount("请改正标出的行，再提交。", wrong)
    return found


def _milli(one: Amount, good: Good) -> int:
    return (one.quantity or 0) * 1_000 if one.grams is None else one.grams * 1_000 // good.net_grams


def _trouble(one: Amount, good: Good) -> str | None:
    name = f"{good.title}（{good.spec}）"
    if (one.quantity is None) == (one.grams is None):
        return f"{name}：请填件数或重量，二选一"
    if one.grams is not None and not good.weighed:
        return f"{name}不是称重商品，请填件数"
    if not 0 < _milli(one, good) <= PIECES_MOST * 1_000:
        return f"{name}：数量应在 1 到 {PIECES_MOST} 之间"
    return None


def grams_of(milli: int, good: Good) -> int:
    """What milli-pieces of a SKU weigh. Exact for weighed goods: their unit is 500 or 1,000 g."""
    return milli * good.net_grams // 1_000


def typed(sku_id: UUID, said: str, good: Good) -> Amount:
    """What somebody typed into a form: kilograms with at most three decimals of weighed goods, else pieces.

    Raises ValueError, in Chinese.
    """
    kept = said.strip()
    try:
        number = Decimal(kept)
    except InvalidOperation:
        number = Decimal("NaN")
    scale = 1_000 if good.weighed else 1
    if not number.is_finite() or number < 0 or number > PIECES_MOST or number * scale != int(number * scale):
        unit = "千克数，最多三位小数，如 12.5" if good.weighed else "整数件数，如 12"
        raise ValueError(f"{good.title}：“{kept}”应为{unit}")
    whole = int(number * scale)
    return Amount(sku_id, grams=whole) if good.weighed else Amount(sku_id, quantity=whole)
