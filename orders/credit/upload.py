"""Counting rules come in as a table, like every dated rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy import text

from catalog.upload.cells import Cells
from catalog.upload.kind import Column, Kind, Layout, Saving
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import derived_id
from shop.core.rows import as_rows

_BASES = {"产地": "grown", "加工地": "made"}
_POINTS = {"付款": "paid", "验收": "accepted"}


class RuleVersionTaken(Problem):
    """The version is known with other contents: a rule that sales were judged by never changes. Nothing was saved."""

    status = 409
    code = "rule_version_taken"
    title = "这个版本号的口径已经存在且内容不同"


@dataclass(frozen=True, slots=True)
class NewRule:
    """Business days [valid_from, valid_to); see `CountingRule`."""

    version: str
    valid_from: date
    source: str
    valid_to: date | None = None
    needs_designation: bool = True
    needs_recognition: bool = True
    includes_freight: bool = False
    origin_basis: str = "grown"
    recognition_point: str = "paid"


_FACTS = """version text, valid_from date, valid_to date, needs_designation boolean, needs_recognition boolean,
    includes_freight boolean, origin_basis text, recognition_point text, source text"""
_ADD = text(f"""
INSERT INTO counting_rule (id, version, valid_from, valid_to, needs_designation, needs_recognition, includes_freight,
    origin_basis, recognition_point, source)
SELECT id, version, valid_from, valid_to, needs_designation, needs_recognition, includes_freight, origin_basis,
    recognition_point, source
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, {_FACTS})
ON CONFLICT (version) DO NOTHING
RETURNING version
""")  # noqa: S608  # composed of our own constant
_SAME = text(f"""
SELECT r.version FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_FACTS})
JOIN counting_rule c ON c.version = r.version AND (c.valid_from, c.needs_designation, c.needs_recognition,
    c.includes_freight, c.origin_basis, c.recognition_point) = (r.valid_from, r.needs_designation, r.needs_recognition,
    r.includes_freight, r.origin_basis, r.recognition_point) AND c.valid_to IS NOT DISTINCT FROM r.valid_to
""")  # noqa: S608  # composed of our own constant


async def add_rules(session: WriteSession, *, actor_id: UUID | None, rules: Sequence[NewRule], now: datetime) -> None:
    """Keep rules by version; the same one again is success. Raises RuleVersionTaken."""
    rows = as_rows(msgspec.to_builtins(one) | {"id": str(derived_id("counting_rule", one.version))} for one in rules)
    added = set((await session.execute(_ADD, {"rows": rows})).scalars())
    same = set((await session.execute(_SAME, {"rows": rows})).scalars())
    taken = [
        Detail(f"/{i}/version", RuleVersionTaken.code, f"版本 {one.version} 已存在且内容不同，请换一个版本号")
        for i, one in enumerate(rules)
        if one.version not in same
    ]
    if taken:
        raise RuleVersionTaken(errors=taken)
    await record_changes(
        session,
        [
            Change("counting_rule.add", f"counting_rule:{one.version}", None, msgspec.to_builtins(one))
            for one in rules
            if one.version in added
        ],
        actor_id=actor_id,
        now=now,
    )


def _rule(cells: Cells) -> NewRule:
    cells.window("valid_from", "valid_to")
    return NewRule(
        version=cells.text("version", longest=50),
        valid_from=cells.day("valid_from"),
        valid_to=cells.maybe_day("valid_to"),
        needs_designation=cells.flag("needs_designation", blank=True),
        needs_recognition=cells.flag("needs_recognition", blank=True),
        includes_freight=cells.flag("includes_freight"),
        origin_basis=cells.choice("origin_basis", _BASES, blank="grown"),
        recognition_point=cells.choice("recognition_point", _POINTS, blank="paid"),
        source=cells.text("source"),
    )


async def _save(session: WriteSession, rows: Sequence[NewRule], saving: Saving) -> None:
    await add_rules(session, actor_id=saving.actor_id, rules=rows, now=saving.now)


COUNTING_RULES = Kind(
    "counting-rules",
    "计入口径",
    (
        Layout(
            (
                Column("version", "版本", "2021-1"),
                Column("valid_from", "开始日期", "2021-01-01"),
                Column("valid_to", "结束日期（不含）", "", needed=False),
                Column("needs_designation", "须为帮扶县", "是", needed=False),
                Column("needs_recognition", "须有产品认定", "是", needed=False),
                Column("includes_freight", "含运费", "否", needed=False),
                Column("origin_basis", "产地口径", "产地", needed=False),
                Column("recognition_point", "确认时点", "付款", needed=False),
                Column("source", "来源文件", "示例口径〔2021〕1号（虚构）"),
            ),
            _rule,
        ),
    ),
    _save,
    key=lambda row: row.version,
)
