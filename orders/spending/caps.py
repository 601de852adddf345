"""How much one person, or a union on average, may get in a year: which counters, and who would exceed them. Pure.

What is decided here replays from what was stored, without the counters; `take_caps` decides the same again under their
locks, fifty thousand people in one statement. `tests/orders/spending/test_caps_agree.py` compares the two.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from orders.spending.proposal import Finding, Limit, SpentSoFar
from orders.spending.rule import Rule, Rules, most_specific
from orders.spending.words import window_words, yuan

PURSE = "top_up"


def limits_of(asked: Rules, headcounts: Mapping[str, int]) -> list[Limit]:
    """The counters that this purchase will move, by province; fen.

    Caps of the same window are one slot: there the most specific rule holds, the others are replaced. A yearly cap for
    some purposes is a slot of its own. An average cap is the union's members of the province times the rule's fen.
    """
    limits = []
    people = _people_by_province(asked)
    for place in asked.provinces:
        slots: dict[tuple[object, ...], list[Rule]] = {}
        for rule in asked.all_of("cap", place):
            slots.setdefault(_slot(rule), []).append(rule)
        for rules in slots.values():
            rule = min(most_specific(rules), key=lambda one: one.fen)
            if rule.cap_window == "festival" and asked.proposal.festival is None:
                continue
            key, year = _key(rule, asked.proposal.festival), cap_year(asked, place)
            if rule.basis == "average":
                heads = max(headcounts.get(place, 0), people.get(place, 0))
                limits.append(
                    Limit("union", place, f"average:{key}@{place}", year, rule.fen * heads, rule.id, rule.title)
                )
            else:
                limits.append(Limit("person", place, key, year, rule.fen, rule.id, rule.title))
        limits += _purse(asked, place)
    return limits


def cap_year(asked: Rules, province: str) -> int:
    """The year a purchase belongs to: that of its festival where a rule says so, else that of the payment."""
    of = {rule.year_of for rule in asked.best_of("cap_year", province)}
    return asked.proposal.festival_year if of == {"festival"} else asked.proposal.pays_on.year


def _slot(rule: Rule) -> tuple[object, ...]:
    return (rule.basis, rule.cap_window, frozenset(rule.purposes if rule.cap_window == "year" else ()))


def _key(rule: Rule, festival: str | None) -> str:
    """The cap's name, whichever version of its rule holds: who got something under the old one keeps it counted."""
    if rule.cap_window == "festival":
        return f"festival:{festival}"
    return ":".join(["year", *sorted(rule.purposes)])


def _purse(asked: Rules, place: str) -> list[Limit]:
    """The top-up purse, if it has not lapsed when the money leaves: a purse belongs to the year of the payment."""
    pays_on = asked.proposal.pays_on
    open_ = [
        rule
        for rule in asked.best_of("top_up", place)
        if rule.valid_from <= pays_on < (rule.valid_to or date.max)
        and pays_on.strftime("%m-%d") <= (rule.lapses_on or "")
    ]
    if not open_:
        return []
    rule = min(open_, key=lambda one: one.fen)
    return [
        Limit("purse", place, ":".join([PURSE, *sorted(rule.purposes)]), pays_on.year, rule.fen, rule.id, rule.title)
    ]


def capped(asked: Rules, limits: Sequence[Limit], spent_so_far: SpentSoFar) -> tuple[list[Finding], list[Finding]]:
    """(refusals, warnings): each cap that somebody would exceed, and provinces for which no cap is known.

    Assisted goods draw on the purse first, because it lapses; only what is left counts towards the caps.
    """
    by_id = {rule.id: rule for rule in asked.rules}
    by_place: dict[str, list[Limit]] = {}
    for limit in limits:
        by_place.setdefault(limit.province, []).append(limit)
    over: dict[UUID, int] = {}
    on_average: dict[Limit, int] = {}
    for (person, place), (fen, assisted) in _portions(asked).items():
        here = by_place.get(place, [])
        left = fen - sum(
            min(assisted, max(limit.cap_fen - spent_so_far.used.get((person, limit.key, limit.year), 0), 0))
            for limit in here
            if limit.holder == "purse"
        )
        for limit in here:
            if limit.holder == "union":
                on_average[limit] = on_average.get(limit, 0) + left
            elif limit.holder == "person" and left > 0:
                used = spent_so_far.used.get((person, limit.key, limit.year), 0)
                over[limit.rule_id] = over.get(limit.rule_id, 0) + (used + left > limit.cap_fen)
    refusals = [_exceeded(by_id[rule_id], people) for rule_id, people in over.items() if people]
    union_id = asked.proposal.union_id
    for limit, left in on_average.items():
        if left and spent_so_far.used.get((union_id, limit.key, limit.year), 0) + left > limit.cap_fen:
            refusals.append(_exceeded(by_id[limit.rule_id], 0))
    return refusals, list(_unknown(asked, by_place))


def _exceeded(rule: Rule, people: int) -> Finding:
    who = f"有 {people:,} 人超过" if people else "平均超过"
    said = f"{who}{rule.province}{window_words(rule)} {yuan(rule.fen)} 的上限（含其他工会已发的），请减少金额"
    return Finding("cap_exceeded", said, rule.id, rule.source, people)


def _unknown(asked: Rules, by_place: Mapping[str, Sequence[Limit]]) -> Iterable[Finding]:
    if asked.proposal.fund_source != "union":
        return
    for place in asked.provinces:
        if all(limit.holder == "purse" for limit in by_place.get(place, ())):
            yield Finding("cap_unknown", f"{place or '未知省份'}没有录入这项用途的人均上限，请核对当地规定")


def _portions(asked: Rules) -> dict[tuple[UUID, str], tuple[int, int]]:
    """(person, province) → (fen, assisted fen). A person has one province: the first by name, should there be two."""
    provinces: dict[UUID, str] = {}
    sums: dict[UUID, tuple[int, int]] = {}
    for one in asked.proposal.portions:
        fen, assisted = sums.get(one.person_id, (0, 0))
        sums[one.person_id] = (fen + one.fen, assisted + one.assisted_fen)
        provinces[one.person_id] = min(provinces.get(one.person_id, one.province), one.province)
    return {(person, provinces[person]): amounts for person, amounts in sums.items()}


def _people_by_province(asked: Rules) -> dict[str, int]:
    counts: dict[str, int] = {}
    for _, place in _portions(asked):
        counts[place] = counts.get(place, 0) + 1
    return counts
