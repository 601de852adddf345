"""What can happen to the credit ledger, drawn at random."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from shop.core import clock
from tests.make.ledger_paper import Grade

YEAR = clock.today().year
MONTHS = tuple((YEAR - 1) * 100 + month for month in (9, 10, 11, 12))
DECEMBER = MONTHS[3], date(YEAR, 1, 1) + timedelta(days=366)
"""Closed, it is adjusted until that day."""


@dataclass(frozen=True)
class Sell:
    """An order (or, typed from outside, an import) of one or two origins; `more`: a second delivery of the same."""

    day: date
    fen: int
    grams: int
    grade: Grade
    unit: int
    place: int
    producer: int
    kind: str
    donated: bool
    origins: int
    outside: bool
    late: bool


@dataclass(frozen=True)
class More:
    which: int
    day: date
    fen: int
    grams: int
    grade: Grade


@dataclass(frozen=True)
class Refund:
    """Of what remains; grams_percent 0: an amount only. again: the same one is told twice."""

    which: int
    percent: int
    goods_percent: int
    day: date
    again: bool


@dataclass(frozen=True)
class Undo:
    """The money of an earlier refund came back: it failed, or a dispute was won. again: told twice."""

    which: int
    refund: int
    days: int
    again: bool


@dataclass(frozen=True)
class TakenBack:
    """The bank takes back what was paid for all that remains; the sale is undone on that day."""

    which: int
    days: int


@dataclass(frozen=True)
class Lift:
    which: int
    to: Grade


@dataclass(frozen=True)
class Lower:
    """The bank takes back what had paid for accepted goods: grade A falls to what signatures prove."""

    which: int


@dataclass(frozen=True)
class Ask:
    """facts by name, as places in the lists above."""

    which: int
    facts: tuple[tuple[str, Any], ...]
    at_once: bool


@dataclass(frozen=True)
class Decide:
    which: int
    approve: bool


@dataclass(frozen=True)
class Close:
    """of: the first bank, the second, or the shop's own months, in which nothing is."""

    month: int
    of: int


@dataclass(frozen=True)
class Reopen:
    """Of one of the two banks: refused where the month is open."""

    month: int
    of: int


@dataclass(frozen=True)
class Rule:
    kinds: tuple[str, ...]
    minimum: Grade


@dataclass(frozen=True)
class Rename:
    what: str


@dataclass(frozen=True)
class Move:
    """The first branch to the other bank, or back, from the beginning of a month on."""

    month: int
    to: int


@dataclass(frozen=True)
class Successor:
    pass


@dataclass(frozen=True)
class Tick:
    days: int


@dataclass(frozen=True)
class Publish:
    question: int
    seal: bool
    fold: bool


Step = (
    Sell
    | More
    | Refund
    | Undo
    | TakenBack
    | Lift
    | Lower
    | Ask
    | Decide
    | Close
    | Reopen
    | Rule
    | Rename
    | Move
    | Successor
    | Tick
    | Publish
)

_which = st.integers(0, 3)
_days = st.builds(
    lambda month, day: date(month // 100, month % 100, day), st.sampled_from(MONTHS), st.sampled_from((1, 15, 28))
)
_fen = st.sampled_from((0, 1, 99, 1_000, 123_457))
_grams = st.sampled_from((0, 1, 500, 30_001))
_grades: st.SearchStrategy[Grade] = st.sampled_from(("A", "B", "C", "D"))
_kinds = st.sampled_from(("direct_purchase", "assisted_sale"))
_rarely = st.sampled_from((False, False, False, True))
_facts = st.sampled_from((
    (("place", 0),), (("place", 1),), (("place", 2),), (("place", 3),), (("producer", 1),), (("unit", 0),),
    (("unit", 1),), (("unit", 2),), (("kind", "assisted_sale"),), (("kind", "direct_purchase"),),
    (("counted", False),), (("counted", True),), (("place", 1), ("unit", 2)), (("place", 3), ("kind", "assisted_sale")),
))  # fmt: skip
_sell = st.builds(
    Sell, day=_days, fen=_fen, grams=_grams, grade=_grades, unit=st.integers(0, 2), place=_which,
    producer=st.integers(0, 1), kind=_kinds, donated=_rarely, origins=st.sampled_from((1, 1, 2)), outside=_rarely,
    late=_rarely,
)  # fmt: skip
_percent = st.sampled_from((0, 1, 33, 50, 100))
_publish = st.builds(Publish, question=st.integers(0, 1), seal=_rarely, fold=_rarely)
_ask = st.builds(Ask, which=_which, facts=_facts, at_once=st.sampled_from((True, True, False)))
_refund = st.builds(Refund, which=_which, percent=_percent, goods_percent=_percent, day=_days, again=_rarely)
_later = st.sampled_from((0, 1, 40))
_undo = st.builds(Undo, which=_which, refund=st.integers(0, 2), days=_later, again=_rarely)
_moves = st.builds(Move, month=st.integers(0, 3), to=st.integers(0, 1))
_close = st.builds(Close, month=st.integers(0, 3), of=st.sampled_from((0, 0, 1, 2)))
_reopen = st.builds(Reopen, month=st.integers(0, 3), of=st.integers(0, 1))
_changes: st.SearchStrategy[Step] = st.one_of(
    _close, _close, _reopen, st.builds(Rule, kinds=st.sampled_from(
        (("direct_purchase",), ("direct_purchase", "assisted_sale"))), minimum=_grades),
    st.builds(Rename, what=st.sampled_from(("county", "producer", "unit", "bank", "product"))), _moves,
    st.just(Successor()), st.builds(Tick, days=st.sampled_from((-2, 0, 3, 400))),
)  # fmt: skip
_steps: st.SearchStrategy[Step] = st.one_of(
    _sell, st.builds(More, which=_which, day=_days, fen=_fen, grams=_grams, grade=_grades), _refund, _refund, _undo,
    st.builds(TakenBack, which=_which, days=_later),
    st.builds(Lift, which=_which, to=_grades), st.builds(Lower, which=_which),
    _ask, _ask, st.builds(Decide, which=_which, approve=st.booleans()),
    _changes, _changes, _publish,
)  # fmt: skip
histories: st.SearchStrategy[list[Step]] = st.builds(
    lambda first, rest: [first, *rest], _sell, st.lists(_steps, min_size=3, max_size=8)
)
