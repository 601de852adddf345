"""Random short histories of the credit ledger through the shop's own verbs, written down on paper as well."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import text

from orders.correction.decide import AlreadyDecided, decide_correction
from orders.correction.request import NothingChanges, NothingRemains, request_correction
from orders.correction.schemas import CorrectionIn, FactsIn
from orders.credit.add_rules import NewRule, add_rules, rule_id
from orders.credit.fold import fold
from orders.credit.record import Recognised, record
from orders.credit.regrade import lift, lower
from orders.credit.repost import CorrectedMeanwhile
from orders.credit.undo_refund import undo_refund
from orders.month.models import SHOP
from orders.month.reopen import MonthOpen, ask_reopening, decide_reopening
from orders.period.close import close
from orders.report.sales import sales
from orders.report.tick import look
from orders.seal.seal import seal_new
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Problem
from shop.core.ids import new_id
from shop.organisation.units import move_unit
from tests.make.credit import Place, Sale, frozen
from tests.make.ledger_paper import Amount, Component, Grade, PaperRule
from tests.make.ledger_stage import FIRST, PAPER, PLACES, PRODUCT, QUESTIONS, Asked, History, Stage, begun
from tests.make.ledger_steps import (
    MONTHS,
    Ask,
    Close,
    Decide,
    Lift,
    Lower,
    More,
    Move,
    Publish,
    Refund,
    Rename,
    Reopen,
    Rule,
    Sell,
    Step,
    Successor,
    TakenBack,
    Tick,
    Undo,
)
from tests.make.report import KEY

PROBLEMS = (AlreadyDecided, CorrectedMeanwhile, NothingChanges, NothingRemains)
Done = TypeVar("Done")


async def play(stage: Stage, steps: Sequence[Step]) -> History:
    """Every step in a transaction of its own; what must be refused is."""
    history, chance = await begun(stage), Random(repr(steps))
    try:
        for number, step in enumerate(steps):
            await _do(history, step)
            await _remember(history, chance)
            if number == 0:  # whatever comes, this report must come out again
                await published(history, len(steps) % len(QUESTIONS))
    finally:
        clock.set_ahead(timedelta(0))
    return history


async def _remember(history: History, chance: Random) -> None:
    """Some moments of a history that somebody watches: nothing is written between the two looks."""
    if chance.random() < 0.2:
        first = await look(history.database)
        asked = clock.now()
        await look(history.database)
        if first:  # the clock may have been set back, and the shop's moments only go forward
            history.moments.append((max(first.at, asked), len(history.paper.written)))


async def _do(history: History, step: Step) -> None:
    if isinstance(step, Ask | Decide):
        await _of_the_desk(history, step)
    elif isinstance(step, Sell | More | Refund | Undo | TakenBack | Lift | Lower):
        await _of_a_sale(history, step)
    elif isinstance(step, Publish):
        await _publish(history, step)
    else:
        await _around(history, step)


async def _of_a_sale(history: History, step: Sell | More | Refund | Undo | TakenBack | Lift | Lower) -> None:
    match step:
        case Sell():
            await _sell(history, step)
        case More():
            await _more(history, step)
        case Refund():
            await _refund(history, step)
        case Undo():
            await _undo(history, step)
        case TakenBack():
            await _taken_back(history, step)
        case Lift():
            await _lift(history, step)
        case Lower():
            await _lower(history, step)


async def _of_the_desk(history: History, step: Ask | Decide) -> None:
    if isinstance(step, Ask):
        await _ask(history, step)
    elif history.asked:
        await _decide(history, history.asked[step.which % len(history.asked)], approve=step.approve)


async def _sell(history: History, step: Sell) -> None:
    facts, line = history.facts(step), new_id()
    amount = Amount(step.fen, step.grams, 1_000)
    made = [Component(new_id(), line, facts, step.day) for _ in range(step.origins)]
    async with history.database.transaction() as session:
        for one in made:
            sale = Sale(
                id=one.id, order=line, on=step.day, fen=amount.fen, grams=amount.grams, path=facts.path,
                unit_name=facts.unit_name, place=Place(facts.county, facts.county_name, PLACES[step.place].province),
                designations=["lifted_out"] if facts.designated else [], kind=facts.kind, reason=facts.reason,
                rule=facts.rule.id, person=None if step.outside else new_id(),
                channel="platform_832" if step.outside else "shop",
            )  # fmt: skip
            row = frozen(sale)
            row.producer_id, row.producer_name = facts.producer, facts.producer_name
            session.add(row)
        await session.flush()
        await record(session, [_sale(one, amount, step.grade, step.day) for one in made], now=clock.now())
        if step.late:  # whoever asks before the commit is not told of it
            await published(history, 0)
    history.paper.components += made
    for one in made:
        history.paper.sold(one, step.grade, step.day, amount)


async def _more(history: History, step: More) -> None:
    of, amount = _component(history, step.which), Amount(step.fen, step.grams, 1_000)
    async with history.database.transaction() as session:
        await record(session, [_sale(of, amount, step.grade, step.day)], now=clock.now())
    history.paper.sold(of, step.grade, step.day, amount)


def _sale(of: Component, amount: Amount, grade: Grade, day: date) -> Recognised:
    return Recognised("sale", new_id(), of.id, amount.fen, amount.grams, amount.milli, day, day, grade)


def _component(history: History, which: int) -> Component:
    return history.paper.components[which % len(history.paper.components)]


async def _refund(history: History, step: Refund) -> None:
    of = _component(history, step.which)
    left = of.left
    back = Amount(
        left.fen * step.percent // 100, left.grams * step.goods_percent // 100, left.milli * step.goods_percent // 100
    )
    on = max(step.day, of.placed_on)
    if not back:
        return
    told = Recognised("refund", new_id(), of.id, -back.fen, -back.grams, -back.milli, on, of.placed_on, "A")
    for _ in range(2 if step.again else 1):
        async with history.database.transaction() as session:
            await record(session, [told], now=clock.now())
    history.paper.refunded(of, told.cause_id, back, on=on)


async def _undo(history: History, step: Undo) -> None:
    of = _component(history, step.which)
    if not of.given:
        return
    given = of.given[step.refund % len(of.given)]
    on = given.on + timedelta(days=step.days)
    for _ in range(2 if step.again else 1):
        async with history.database.transaction() as session:
            await undo_refund(session, refund_id=given.id, component_ids=[of.id], occurred_on=on, now=clock.now())
    history.paper.undone(of, given, on=on)


async def _taken_back(history: History, step: TakenBack) -> None:
    of = _component(history, step.which)
    left, on = of.left, of.placed_on + timedelta(days=step.days)
    if not left:
        return
    told = Recognised("payment_undone", new_id(), of.id, -left.fen, -left.grams, -left.milli, on, of.placed_on, "A")
    async with history.database.transaction() as session:
        await record(session, [told], now=clock.now())
    history.paper.taken_back(of, left, on=on)


async def _lift(history: History, step: Lift) -> None:
    of = _component(history, step.which)
    async with history.database.transaction() as session:
        await lift(
            session,
            component_ids=[of.id],
            to=step.to,
            cause_id=new_id(),
            evidence_sha256=PAPER,
            occurred_on=clock.today(),
            now=clock.now(),
        )
    history.paper.lifted(of, step.to)


async def _lower(history: History, step: Lower) -> None:
    of = _component(history, step.which)
    async with history.database.transaction() as session:
        await lower(
            session,
            component_ids=[of.id],
            cause_id=new_id(),
            occurred_on=clock.today(),
            now=clock.now(),
            actor_id=history.stage.second.user_id,
        )
    history.paper.lowered(of)


async def _ask(history: History, step: Ask) -> None:
    about = history.paper.of_line(_component(history, step.which).line)
    requested = dict(step.facts)
    changed = [one for one in about if history.put_right(one, requested) != one.facts]
    expected: type[Problem] | None = None
    if not any(one.left for one in about):
        expected = NothingRemains
    elif not changed:
        expected = NothingChanges
    body = CorrectionIn(
        order_line=about[0].line,
        facts=FactsIn(**_named(history, requested)),
        reason="合格证补交",
        document_sha256=PAPER,
    )

    async def ask(session: WriteSession) -> UUID:
        return await request_correction(session, actor=history.stage.first, requested=body, now=clock.now())

    correction_id = await _refused(history, expected, ask)
    if correction_id is not None:
        asked = Asked(correction_id, requested, {one.id: one.version for one in changed})
        history.asked.append(asked)
        if step.at_once:
            await _decide(history, asked, approve=True)


def _named(history: History, requested: Mapping[str, Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    if (place := requested.get("place")) is not None:
        named["county_code"] = PLACES[place].code
    if (producer := requested.get("producer")) is not None:
        named["producer_id"] = history.producers[producer]
    if (unit := requested.get("unit")) is not None:
        named["unit_id"] = history.units[unit]
    if kind := requested.get("kind"):
        named["credit_kind"] = kind
    if (counted := requested.get("counted")) is not None:
        named |= {"counted": counted} | ({} if counted else {"not_counted_reason": "donated"})
    return named


async def _decide(history: History, asked: Asked, *, approve: bool) -> None:
    about = [one for one in history.paper.components if one.id in asked.versions]
    expected: type[Problem] | None = None
    if asked.state != "requested":
        expected = AlreadyDecided
    elif approve and any(one.version != asked.versions[one.id] for one in about):
        expected = CorrectedMeanwhile
    elif approve and not any(one.left for one in about):
        expected = NothingRemains
    state: Literal["approved", "refused"] = "approved" if approve else "refused"

    async def decide(session: WriteSession) -> None:
        await decide_correction(
            session, actor=history.stage.second, correction_id=asked.id, state=state, decision="见材料", now=clock.now()
        )

    await _refused(history, expected, decide)
    if expected is None:
        asked.state = state
        for one in about if approve else ():
            history.paper.corrected(one, history.put_right(one, asked.facts))


async def _refused(
    history: History, expected: type[Problem] | None, verb: Callable[[WriteSession], Awaitable[Done]]
) -> Done | None:
    """What the verb gave; or nothing, when it refused just as it must."""
    try:
        async with history.database.transaction() as session:
            done = await verb(session)
    except PROBLEMS as problem:
        if type(problem) is not expected:
            raise
        return None
    assert expected is None, f"{expected} was not raised"
    return done


async def _around(history: History, step: Step) -> None:
    """What happens outside of the ledger and changes nothing that is in it."""
    async with history.database.transaction() as session:
        match step:
            case Close():
                month, top = MONTHS[step.month], (history.units[0], history.units[3], SHOP)[step.of]
                await close(session, actor=history.stage.first, unit_id=top, month=month, now=clock.now())
                history.paper.close(top, month)
            case Reopen():
                await _reopen(history, session, history.units[3 if step.of else 0], MONTHS[step.month])
            case Tick():
                clock.set_ahead(timedelta(days=step.days))
            case Rule():
                version = new_id().hex
                rule = NewRule(
                    version, FIRST, "示例口径（虚构）", needs_recognition=False, credit_kinds=list(step.kinds),
                    minimum_grade=step.minimum,
                )  # fmt: skip
                await add_rules(session, actor_id=None, rules=[rule], now=clock.now())
                history.rule = PaperRule(rule_id(version), step.kinds, step.minimum)
            case Move():
                since = date(MONTHS[step.month] // 100, MONTHS[step.month] % 100, 1)
                parent = history.units[3 if step.to else 0]
                await move_unit(
                    session, actor=None, unit_id=history.units[1], parent_id=parent, day=since, now=clock.now()
                )
                history.moved(since, step.to)
            case Successor() if not history.successor:
                await session.execute(
                    text("INSERT INTO county_successor VALUES (:code, :successor, '2021-01-01', '示例')"),
                    {"code": PLACES[0].code, "successor": PLACES[2].code},
                )
                history.successor = True
            case Rename():
                await _rename(history, session, step.what)


async def _reopen(history: History, session: WriteSession, top: UUID, month: int) -> None:
    """One person asks, the other agrees."""
    first, second, now = history.stage.first, history.stage.second, clock.now()
    try:
        asked = await ask_reopening(session, actor=first, unit_id=top, month=month, reason="补记", now=now)
    except MonthOpen:
        assert history.paper.is_open(top, month)
        return
    await decide_reopening(
        session, actor=second, month=month, reopening_id=asked, state="approved", decision=None, now=now
    )
    assert not history.paper.is_open(top, month)
    history.paper.reopen(top, month)


async def _rename(history: History, session: WriteSession, what: str) -> None:
    """The first county, producer, branch or bank bears another name; or the product comes from elsewhere."""
    tables = {
        "county": ("county", "code", PLACES[0].code, history.county_names, 0),
        "producer": ("producer", "id", history.producers[0], history.producer_names, 0),
        "unit": ("unit", "id", history.units[1], history.unit_names, 1),
        "bank": ("unit", "id", history.units[0], history.unit_names, 0),
    }
    if what == "product":
        await session.execute(
            text("UPDATE product SET producer_id = :producer, origin_county_code = :county WHERE id = :id"),
            {"producer": history.producers[1], "county": PLACES[1].code, "id": PRODUCT},
        )
        return
    table, column, key, names, place = tables[what]
    names[place] += "新"
    await session.execute(
        text(f"UPDATE {table} SET name = :name WHERE {column} = :key"), {"name": names[place], "key": key}
    )


async def _publish(history: History, step: Publish) -> None:
    if step.fold:
        async with history.database.transaction() as session:
            await fold(session, batch=3)
    if step.seal:
        await seal_new(history.database, KEY, now=clock.now())
    await published(history, step.question)


async def published(history: History, question: int) -> dict[str, Any]:
    """A report on the first bank, remembered."""
    asked = replace(QUESTIONS[question], unit=history.units[0])
    report = (await sales(history.database, asked, actor=None, now=clock.now())).published(KEY)
    history.reports.append((asked, report))
    return report
