"""Random short histories of money, and the same history on paper."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from hypothesis import strategies as st
from sqlalchemy import text

from orders.funds.hold import HoldClosed, hold, post_held, void_held
from orders.funds.models import GUARDED_KINDS
from orders.funds.post import FundsShort, Moved, account_id, post
from shop.core import clock
from shop.core.database import Database
from shop.core.ids import new_id

KINDS = ("appropriation", "clearing", "budget", "encumbrance", "allowance", "union_spent")
DAY = date(2026, 11, 22)
Verb = Literal["post", "hold", "post_held", "void_held"]


@dataclass(frozen=True)
class Step:
    """A move between two accounts, by their place in KINDS; `key` may come again."""

    verb: Verb
    key: int
    debit: int
    credit: int
    fen: int


_place = st.integers(0, len(KINDS) - 1)
histories = st.lists(
    st.builds(
        Step,
        verb=st.sampled_from(["post", "post", "hold", "post_held", "void_held"]),
        key=st.integers(0, 5),
        debit=_place,
        credit=_place,
        fen=st.integers(1, 100),
    ).filter(lambda step: step.debit != step.credit),
    max_size=12,
)


@dataclass
class Paper:
    """What the accounts must say. taken: what was posted or held under a key; balances and promises by account."""

    posted: set[int] = field(default_factory=set)
    holds: dict[int, tuple[Step, str]] = field(default_factory=dict)
    balance: list[int] = field(default_factory=lambda: [0] * len(KINDS))
    held: list[int] = field(default_factory=lambda: [0] * len(KINDS))

    def move(self, step: Step) -> None:
        self.balance[step.debit] += step.fen
        self.balance[step.credit] -= step.fen

    def short(self, place: int, fen: int) -> bool:
        return KINDS[place] in GUARDED_KINDS and self.balance[place] - self.held[place] < fen

    def follow(self, step: Step) -> type[Exception] | None:
        """What must happen; the error that must be raised, when there is one."""
        if step.verb == "post":
            if step.key in self.posted:
                return None
            if self.short(step.credit, step.fen):
                return FundsShort
            self.posted.add(step.key)
            self.move(step)
        elif step.verb == "hold":
            if step.key in self.holds:
                return None
            if self.short(step.credit, step.fen):
                return FundsShort
            self.holds[step.key] = step, "held"
            self.held[step.credit] += step.fen
        else:
            return self._close(step.key, "posted" if step.verb == "post_held" else "voided")
        return None

    def _close(self, key: int, to: str) -> type[Exception] | None:
        first, state = self.holds.get(key, (None, "none"))
        if first is None or state not in {"held", to}:
            return HoldClosed
        if state == "held":
            self.holds[key] = first, to
            self.held[first.credit] -= first.fen
            if to == "posted":
                self.move(first)
        return None


async def play(database: Database, history: list[Step]) -> None:
    """Each step in a transaction of its own; then every account says what its transfers and the paper say."""
    name, paper = str(new_id()), Paper()
    for step in history:
        refused: type[Exception] | None = None
        try:
            await _do(database, name, step)
        except (FundsShort, HoldClosed) as problem:
            refused = type(problem)
        assert refused is paper.follow(step), step
    await _same(database, name, paper)


async def _do(database: Database, name: str, step: Step) -> None:
    now = clock.now()
    key = f"{'post' if step.verb == 'post' else 'hold'}:{name}:{step.key}"
    move = Moved(
        key=key,
        kind="encumbered",
        debit=(KINDS[step.debit], name),
        credit=(KINDS[step.credit], name),
        amount_fen=step.fen,
        reference=UUID(name),
        occurred_on=DAY,
    )
    async with database.transaction() as session:
        match step.verb:
            case "post":
                await post(session, [move], now=now)
            case "hold":
                await hold(session, [move], now=now)
            case "post_held":
                await post_held(session, [key], day=DAY, now=now)
            case "void_held":
                await void_held(session, [key], now=now)


async def _same(database: Database, name: str, paper: Paper) -> None:
    async with database.reading() as session:
        rows = await session.execute(
            text("""
                SELECT a.id, a.balance_fen, a.held_fen,
                    coalesce((SELECT sum(amount_fen) FROM transfer WHERE debit_account_id = a.id), 0)
                    - coalesce((SELECT sum(amount_fen) FROM transfer WHERE credit_account_id = a.id), 0) AS summed
                FROM account a WHERE a.owner = :name
            """),
            {"name": name},
        )
        found = {row.id: row for row in rows}
    for place, kind in enumerate(KINDS):
        row = found.get(account_id(kind, name))
        assert (row.summed if row else 0) == paper.balance[place], kind
        if row and kind in GUARDED_KINDS:
            assert (row.balance_fen, row.held_fen) == (paper.balance[place], paper.held[place]), kind
    assert sum(row.summed for row in found.values()) == 0, "the trial balance"
