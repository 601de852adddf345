"""Reports as they are published, and what of them does not depend on when they were asked."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from orders.report.question import Question
from orders.report.sales import sales
from orders.seal.canonical import canonical
from orders.seal.key import SealKey
from shop.access.permissions import Actor
from shop.core import clock
from shop.core.database import Database

KEY = SealKey.of(b"r" * 32)
STAMPS = frozenset({"known_at", "balanced_as_of", "seal", "digest", "signature"})


async def published(database: Database, question: Question, *, actor: Actor | None = None) -> dict[str, Any]:
    """Asked three ways: quickest, from the entries, and again as it was known: all three must say the same."""
    now = clock.now()
    quick = (await sales(database, question, actor=actor, now=now)).published(KEY)
    slow = (await sales(database, question, actor=actor, now=now, source="entries")).published(KEY)
    assert unstamped(quick) == unstamped(slow)
    assert await again(database, question, quick, actor=actor) == canonical(quick)
    return quick


async def again(
    database: Database, question: Question, report: Mapping[str, Any], *, actor: Actor | None = None
) -> bytes:
    """The bytes of the same report, asked for the moment that it names."""
    then = datetime.fromisoformat(report["known_at"])
    found = await sales(database, replace(question, known_at=then), actor=actor, now=max(then, clock.now()))
    return canonical(found.published(KEY))


def unstamped(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if name not in STAMPS}
