"""A division code is replaced by another, or divided among several: what was said of the old one holds for each new one
from its first day.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from catalog.county.designate import UnknownCounty
from catalog.county.queries import unknown_codes
from shop.core.audit import record_change
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.window import not_ended


class AlreadySucceeded(Problem):
    """The old code ended on another day. Nothing was saved."""

    status = 409
    code = "county_already_succeeded"
    title = "这个代码已经在另一天被替代"


class NoSuccessor(Problem):
    """A code does not follow itself, nor does one that is not in force on that day. Nothing was saved."""

    status = 422
    code = "county_no_successor"
    title = "这个代码不能接替"


_IN_FORCE = text(f"""
SELECT code FROM county WHERE code = :new AND code <> :old AND (valid_from IS NULL OR valid_from <= :first_day)
    AND {not_ended("", ":first_day")}
""")  # noqa: S608
_LINK = text("""
INSERT INTO county_successor (code, successor_code, valid_from, source) VALUES (:old, :new, :first_day, :source)
ON CONFLICT (code, successor_code) DO NOTHING
""")
_END = text("""
UPDATE county SET valid_to = :first_day WHERE code = :old AND (valid_to IS NULL OR valid_to = :first_day)
    AND (valid_from IS NULL OR valid_from < :first_day)
""")
# A row of the old code that reaches into the new days is cut there, and its rest written for the new code with the
# old row's own last day. A row that the new code already has (two old codes of the same kind merge) stays the only one.
# Of a code that is divided the first heir has taken the rest: each later one has what that one was given.
_SAID = """
said AS (SELECT CAST(:old AS varchar) AS old, CAST(:new AS varchar) AS new, CAST(:first_day AS date) AS day,
    CAST(:salt AS varchar) AS salt, '（承继自' || CAST(:old AS varchar) || '）' AS inherited),
sibling AS (SELECT s.successor_code AS code FROM county_successor s JOIN said ON s.code = said.old
    AND s.valid_from = said.day AND s.successor_code <> said.new)
"""
_PASS_DESIGNATIONS = text(f"""
WITH {_SAID}, held AS (
    SELECT d.*, d.source || said.inherited AS told FROM said JOIN designation d ON d.county_code = said.old
    UNION ALL
    SELECT d.*, d.source FROM said JOIN sibling ON true JOIN designation d ON d.county_code = sibling.code
    WHERE d.source LIKE '%' || said.inherited
)
INSERT INTO designation (id, county_code, kind, valid_from, valid_to, delisted_year, source, confirmed)
SELECT md5(said.salt || d.id::text)::uuid, said.new, d.kind, greatest(d.valid_from, said.day),
    d.valid_to,
    d.delisted_year, d.told, d.confirmed
FROM said, held d
WHERE {not_ended("d", "said.day")}
    AND NOT EXISTS (SELECT FROM designation n WHERE n.county_code = said.new AND n.kind = d.kind
        AND daterange(n.valid_from, n.valid_to) && daterange(said.day, d.valid_to))
ON CONFLICT DO NOTHING
""")  # noqa: S608  # our own constant
_PASS_PAIRINGS = text(f"""
WITH {_SAID}, held AS (
    SELECT p.*, p.source || said.inherited AS told FROM said JOIN pairing p ON p.county_code = said.old
    UNION ALL
    SELECT p.*, p.source FROM said JOIN sibling ON true JOIN pairing p ON p.county_code = sibling.code
    WHERE p.source LIKE '%' || said.inherited
)
INSERT INTO pairing (id, unit_id, county_code, valid_from, valid_to, source)
SELECT md5(said.salt || p.id::text)::uuid, p.unit_id, said.new, greatest(p.valid_from, said.day),
    p.valid_to, p.told
FROM said, held p
WHERE {not_ended("p", "said.day")}
    AND NOT EXISTS (SELECT FROM pairing n WHERE n.county_code = said.new AND n.unit_id = p.unit_id
        AND daterange(n.valid_from, n.valid_to) && daterange(said.day, p.valid_to))
ON CONFLICT DO NOTHING
""")  # noqa: S608  # as above
_CUT = (
    text(f"""
UPDATE designation SET valid_to = :first_day WHERE county_code = :old AND {not_ended("", ":first_day")}
    AND (valid_from IS NULL OR valid_from < :first_day)
"""),  # noqa: S608
    text(f"""
UPDATE pairing SET valid_to = :first_day WHERE county_code = :old AND {not_ended("", ":first_day")}
    AND valid_from < :first_day
"""),  # noqa: S608
)


async def succeed(
    session: WriteSession,
    *,
    actor_id: UUID | None,
    code: str,
    successor_code: str,
    valid_from: date,
    source: str,
    now: datetime,
) -> None:
    """From `valid_from` on, `successor_code` stands for `code`; designations and pairings pass on with it.

    Saying it twice is one succession. Product origins follow by `catalog.product.follow_successors` once the day has
    come. Raises UnknownCounty, NoSuccessor, AlreadySucceeded.
    """
    missing = await unknown_codes(session, {code, successor_code})
    if missing:
        raise UnknownCounty(
            errors=[Detail("/code", UnknownCounty.code, f"没有行政区划代码 {one}") for one in sorted(missing)]
        )
    facts = {"old": code, "new": successor_code, "first_day": valid_from, "source": source}
    facts["salt"] = str(new_id())
    if await session.scalar(_IN_FORCE, facts) is None:
        detail = f"代码 {successor_code} 要与原代码不同，并且在 {valid_from} 有效。"
        raise NoSuccessor(detail, [Detail("/successor_code", NoSuccessor.code, detail)])
    if (await session.execute(_END, facts)).rowcount == 0:  # type: ignore[attr-defined]
        raise AlreadySucceeded(f"代码 {code} 的截止日期与 {valid_from} 不同，请先核对来源文件。")
    linked = (await session.execute(_LINK, facts)).rowcount  # type: ignore[attr-defined]
    await session.execute(_PASS_DESIGNATIONS, facts)
    await session.execute(_PASS_PAIRINGS, facts)
    for statement in _CUT:
        await session.execute(statement, facts)
    if linked:
        await record_change(
            session,
            actor_id=actor_id,
            action="county.succeed",
            subject=f"county:{code}",
            after={"successor_code": successor_code, "valid_from": valid_from.isoformat()},
            reason=source,
            now=now,
        )
