"""The credit ledger on paper: what a history must have entered, reckoned apart from the shop's own code."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal
from uuid import UUID

from shop.core import clock
from shop.core.money import split

Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True)
class PaperRule:
    id: UUID
    kinds: tuple[str, ...] = ("direct_purchase", "assisted_sale")
    minimum: Grade = "D"


@dataclass(frozen=True)
class Facts:
    """An attribution. reason: why it does not count, None when it does."""

    county: str
    county_name: str
    producer: UUID
    producer_name: str
    path: tuple[UUID, ...]
    unit_name: str
    kind: str
    rule: PaperRule
    designated: bool
    reason: str | None = None

    def judged(self) -> "Facts":
        """What is known to have been given away stays so; else the deal, then the county."""
        reason = None
        if self.reason == "donated":
            reason = "donated"
        elif self.kind not in self.rule.kinds:
            reason = "credit_kind_excluded"
        elif not self.designated:
            reason = "no_designation"
        return replace(self, reason=reason)

    def standing(self, grade: Grade) -> str:
        if self.reason is not None:
            return self.reason
        if grade > self.rule.minimum:
            return "evidence_missing"
        return "unverified" if grade == "D" else "headline"


@dataclass(frozen=True)
class Amount:
    fen: int
    grams: int
    milli: int

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.fen + other.fen, self.grams + other.grams, self.milli + other.milli)

    def __neg__(self) -> "Amount":
        return Amount(-self.fen, -self.grams, -self.milli)

    def __bool__(self) -> bool:
        return bool(self.fen or self.grams or self.milli)


NOTHING = Amount(0, 0, 0)


@dataclass(frozen=True)
class Written:
    """One entry; month: where it landed."""

    component: UUID
    month: int
    sale_month: int
    refund: bool
    grade: Grade
    facts: Facts
    amount: Amount


@dataclass
class Given:
    """A refund as it was written: what it took of which grade and day of the sale."""

    id: UUID
    on: date
    taken: list[tuple[Grade, date, Amount]]
    landed: list[date]


@dataclass
class Component:
    """version: how often its facts were corrected. remains: by grade and day of the sale. given: not undone so far.

    days: by version, grade and day of the sale the first and the last day on which something was put there.
    """

    id: UUID
    line: UUID
    facts: Facts
    placed_on: date
    version: int = 0
    remains: dict[tuple[Grade, date], Amount] = field(default_factory=dict)
    stated: Amount = NOTHING
    given: list[Given] = field(default_factory=list)
    days: dict[tuple[int, Grade, date], tuple[date, date]] = field(default_factory=dict)

    @property
    def left(self) -> Amount:
        return sum(self.remains.values(), NOTHING)

    def put(self, grade: Grade, day: date, amount: Amount) -> None:
        whole = self.remains.get((grade, day), NOTHING) + amount
        self.remains[grade, day] = whole
        if not whole:
            del self.remains[grade, day]


@dataclass
class Paper:
    """Months by their top unit. The december is adjusted after its close, until the day when nothing comes any more."""

    december: int
    until: date
    closed: set[tuple[UUID, int]] = field(default_factory=set)
    adjusting: set[tuple[UUID, int]] = field(default_factory=set)
    reopened: list[tuple[UUID, int]] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    def close(self, top: UUID, month: int) -> None:
        adjusts = month == self.december and clock.today() < self.until and (top, month) not in self.closed
        (self.adjusting if adjusts else self.closed).add((top, month))

    def reopen(self, top: UUID, month: int) -> None:
        self.closed.discard((top, month))
        self.adjusting.discard((top, month))
        self.reopened.append((top, month))

    def is_open(self, top: UUID, month: int) -> bool:
        return (top, month) not in self.closed | self.adjusting

    def shut(self, top: UUID, month: int) -> bool:
        return (top, month) in self.closed or ((top, month) in self.adjusting and clock.today() >= self.until)

    def _lands(self, top: UUID, month: int) -> int:
        while self.shut(top, month):
            month = clock.add_months(month, 1)
        return month

    def _write(
        self, of: Component, grade: Grade, sale_on: date, amount: Amount, *, on: date, refund: bool = False
    ) -> date:
        """Returns the day on which it landed."""
        month = self._lands(of.facts.path[-1], clock.month_of(on))
        self.written.append(Written(of.id, month, clock.month_of(sale_on), refund, grade, of.facts, amount))
        return on if month == clock.month_of(on) else clock.first_of(month)

    def _put(
        self, of: Component, grade: Grade, sale_on: date, amount: Amount, *, on: date, refund: bool = False
    ) -> None:
        landed = self._write(of, grade, sale_on, amount, on=on, refund=refund)
        first, last = of.days.get((of.version, grade, sale_on), (landed, landed))
        of.days[of.version, grade, sale_on] = (min(first, landed), max(last, landed))

    def sold(self, of: Component, grade: Grade, day: date, amount: Amount) -> None:
        of.put(grade, day, amount)
        of.stated += amount
        self._put(of, grade, day, amount, on=day)

    def refunded(self, of: Component, refund_id: UUID, amount: Amount, *, on: date) -> None:
        """Never before the day on which it landed that is given back."""
        taken = self._take(of, of.placed_on, amount)
        landed = [
            self._write(of, grade, day, -back, on=max(on, of.days[of.version, grade, day][1]), refund=True)
            for grade, day, back in taken
        ]
        of.given.append(Given(refund_id, on, taken, landed))

    def undone(self, of: Component, given: Given, *, on: date) -> None:
        """Back where it was taken from; if nothing is left there, to the next better proof of that day's sale."""
        of.given.remove(given)
        before = dict(of.remains)
        for (own, day, amount), landed in zip(given.taken, given.landed, strict=True):
            better = [grade for grade, other in before if other == day and grade < own]
            grade = own if (own, day) in before else max(better, default=own)
            of.put(grade, day, amount)
            of.stated += amount
            self._put(of, grade, day, amount, on=max(on, landed), refund=True)

    def taken_back(self, of: Component, amount: Amount, *, on: date) -> None:
        for grade, day, back in self._take(of, of.placed_on, amount):
            self._write(of, grade, day, -back, on=max(on, of.days[of.version, grade, day][1]))

    def _take(self, of: Component, sale_on: date, amount: Amount) -> list[tuple[Grade, date, Amount]]:
        """From that day's sale where it holds so much, else from all that remains, by what each part has."""
        parts = sorted(of.remains, key=lambda key: (key[1], key[0]))
        same_day = [key for key in parts if key[1] == sale_on]
        held = sum((of.remains[key] for key in same_day), NOTHING)
        if held.fen >= amount.fen and held.grams >= amount.grams and held.milli >= amount.milli:
            parts = same_day or parts
        shares = zip(
            parts,
            split(amount.fen, [of.remains[key].fen for key in parts]),
            split(amount.grams, [of.remains[key].grams for key in parts]),
            split(amount.milli, [of.remains[key].milli for key in parts]),
            strict=True,
        )
        of.stated += -amount
        taken = [(grade, day, Amount(*share)) for (grade, day), *share in shares]
        for grade, day, back in taken:
            of.put(grade, day, -back)
        return taken

    def lifted(self, of: Component, to: Grade) -> None:
        for (grade, day), amount in list(of.remains.items()):
            if grade > to:
                self._regraded(of, grade, to, day, amount)

    def lowered(self, of: Component) -> None:
        for (grade, day), amount in list(of.remains.items()):
            if grade == "A":
                self._regraded(of, grade, "B", day, amount)

    def _regraded(self, of: Component, grade: Grade, to: Grade, day: date, amount: Amount) -> None:
        at = max(day, of.days[of.version, grade, day][0])
        self._write(of, grade, day, -amount, on=at)
        self._put(of, to, day, amount, on=at)
        of.put(grade, day, -amount)
        of.put(to, day, amount)

    def corrected(self, of: Component, facts: Facts) -> None:
        for (grade, day), amount in of.remains.items():
            self._write(of, grade, day, -amount, on=day)
        of.facts, of.version = facts, of.version + 1
        for (grade, day), amount in of.remains.items():
            self._put(of, grade, day, amount, on=day)

    def of_line(self, line: UUID) -> list[Component]:
        return [one for one in self.components if one.line == line]


@dataclass
class Told:
    """What a report must say of some entries."""

    by_standing: Counter[str]
    by_kind: Counter[str]
    refunded_fen: int = 0
    grams: int = 0
    milli: int = 0


def told(entries: Iterable[Written]) -> Told:
    found = Told(Counter(), Counter())
    for one in entries:
        standing = one.facts.standing(one.grade)
        found.by_standing[standing] += one.amount.fen
        if standing == "headline":
            found.by_kind[one.facts.kind] += one.amount.fen
            found.refunded_fen -= one.amount.fen if one.refund else 0
            found.grams += one.amount.grams
            found.milli += one.amount.milli
    return found


def sums(entries: Sequence[Written]) -> Mapping[tuple[object, ...], Amount]:
    """By everything that an entry's facts say; nothing for what cancelled out."""
    found: dict[tuple[object, ...], Amount] = {}
    for one in entries:
        facts = one.facts
        key = (
            one.component, one.month, one.sale_month, one.refund, one.grade, facts.standing(one.grade), facts.county,
            facts.county_name, facts.producer_name, facts.unit_name, facts.path, facts.kind,
        )  # fmt: skip
        found[key] = found.get(key, NOTHING) + one.amount
    return {key: amount for key, amount in found.items() if amount}
