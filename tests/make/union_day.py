"""A union's day as its people live it: the demo's shop, more officers of the bank's union, strangers, papers, files."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from shop.access.permissions import Grant, Role
from shop.app.demo.caller import Caller, Json, sign_in
from shop.core import clock
from shop.organisation.members import join_union, join_unit
from tests.make.evidence import PDF
from tests.make.invoice import tax_number
from tests.make.people import PASSWORD, SINCE, somebody
from tests.make.story import Story
from tests.make.two_people import rule_by_two

BASE = "/api/v1/bulk-purchases"
BRANCHES = ("DEMO", "DEMO-1", "DEMO-2", "DEMO-3", "DEMO-4")
TAX = {code: tax_number(f"81310000MC0DEM10{n}") for n, code in enumerate(BRANCHES)}
ROSTER = (
    "A0001,职工甲（虚构）,13800138001,DEMO-1,综合部,在职",
    "A0002,经办丙（虚构）,13800138003,DEMO-1,综合部,在职",
    "A0003,审批丁（虚构）,13800138004,DEMO,工会办,在职",
    "A0004,验收戊（虚构）,13800138005,DEMO-1,营业部,在职",
    "A0005,审批卯（虚构）,,DEMO,工会办,在职",
    "A0006,审批辰（虚构）,,DEMO,工会办,在职",
    "A0007,会员子（虚构）,,DEMO-2,营业部,在职",
    "A0008,会员丑（虚构）,13900139008,DEMO-2,营业部,在职",
    "A0009,会员寅（虚构）,,DEMO-2,营业部,在职",
    "A0010,会员卯（虚构）,,DEMO-3,营业部,在职",
    "A0011,会员辰（虚构）,,DEMO-3,营业部,在职",
    "A0012,会员巳（虚构）,,DEMO-4,营业部,离岗",
    "A0013,会员午（虚构）,,DEMO-4,营业部,在职",
    "A0014,会员未（虚构）,,DEMO-4,营业部,退休",
)
"""Those of the day; A0006 is gone on the next list."""


def roster(*rows: str) -> bytes:
    """As the personnel system of a bank writes it: GBK."""
    return ("工号,姓名,手机,单位编号,部门,状态\n" + "\n".join(rows) + "\n").encode("gbk")


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


@dataclass
class UnionDay:
    """Callers by what they do. unit_ids: by code. `left` approves until the roster no longer knows him."""

    story: Story
    unit_ids: dict[str, UUID]
    union: UUID
    ids: dict[str, UUID]
    clerk: Caller
    approver: Caller
    second: Caller
    left: Caller
    receiver: Caller
    leader: Caller
    staff: Caller
    staff_second: Caller
    admin: Caller
    admin_second: Caller
    supplier: Caller
    stranger: Caller
    other_bank: Caller

    @property
    def http(self) -> httpx.AsyncClient:
        return self.story.http

    @property
    def app(self) -> FastAPI:
        return self.story.app

    async def post(self, who: Caller, path: str, body: object | None = None, *, under: str = BASE) -> httpx.Response:
        return await self.http.post(f"{under}{path}", json=body or {}, headers={**who.headers, **key()})

    async def done(self, who: Caller, path: str, body: object | None = None, *, status: int = 200) -> Json:
        answer = await self.post(who, path, body)
        assert answer.status_code == status, answer.text
        document: Json = answer.json()
        return document

    async def get(self, who: Caller, path: str, **params: Any) -> Any:
        return await who.ask("GET", path, params=params)

    async def keep(self, who: Caller, data: bytes = PDF, name: str = "会议纪要.pdf") -> str:
        """A paper as evidence of the bank; its digest."""
        answer = await self.http.post(
            "/api/v1/evidence",
            files={"file": (name, data)},
            data={"unit_id": str(self.unit_ids["DEMO"])},
            headers=dict(who.headers),
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["sha256"])

    async def bring_roster(self, rows: Sequence[str], as_of: date) -> Json:
        answer = await self.http.post(
            "/api/v1/rosters",
            files={"file": ("名册.csv", roster(*rows))},
            data={"union_id": str(self.union), "as_of": str(as_of)},
            headers=dict(self.clerk.headers),
        )
        assert answer.status_code == 200, answer.text
        document: Json = answer.json()
        return document

    async def budget(self, fen: int) -> None:
        paper = await self.keep(self.approver, name="预算决议.pdf")
        body = {
            "union_id": str(self.union), "fiscal_year": clock.today().year, "amount_fen": fen,
            "reason": "职代会通过（虚构）", "document_sha256": paper,
        }  # fmt: skip
        answer = await self.post(self.approver, "", body, under="/api/v1/budgets")
        assert answer.status_code == 201, answer.text

    async def left_of_budget(self) -> Json:
        found: Json = await self.get(self.clerk, f"/api/v1/budgets/{self.union}/{clock.today().year}")
        return {name: found[name] for name in ("available_fen", "encumbered_fen", "allowances_fen", "spent_fen")}

    async def rule(self, **facts: Any) -> None:
        """The bank's union asks for more than the country does."""
        body = {"union_id": str(self.union), "source_title": "示例银行工会采购办法（虚构）", "valid_from": str(SINCE)}
        first, second = dict(self.admin.headers), dict(self.admin_second.headers)
        answer = await rule_by_two(self.http, "/spending-rules", body | facts, first=first, second=second)
        assert answer.status_code == 200, answer.text

    async def days_later(self, days: int) -> None:
        """Development's clock: everybody's."""
        requested = clock.now() + timedelta(days=days)
        answer = await self.http.put("/sandbox/clock", json={"now": requested.isoformat()})
        assert answer.status_code == 200, answer.text

    async def statement(self, rows: Sequence[tuple[str, int, str, str]], *, who: Caller | None = None) -> Json:
        """A bank's csv of (serial number, fen, payer, remark) is imported by staff, and confirmed by another one."""
        answer = await self.http.post(
            "/api/v1/bank-statements",
            files={"file": ("流水.csv", statement_file(rows))},
            data={"unit_id": str(self.unit_ids["DEMO"])},
            headers=dict((who or self.staff).headers),
        )
        assert answer.status_code == 201, answer.text
        document: Json = answer.json()
        return document if document["state"] != "imported" else document | await self.confirmed(document)

    async def receipts_came(self) -> None:
        """The bank's electronic receipt of every transfer that has none, brought by another one than the importer."""
        rows = await self.story.rows(
            "SELECT t.id, t.statement_id, t.day, t.serial_number, t.amount_fen FROM bank_transfer t WHERE t.amount_fen"
            " > 0 AND NOT EXISTS (SELECT FROM transfer_proof p WHERE p.transfer_id = t.id) ORDER BY t.id"
        )
        for transfer_id, statement_id, day, serial, fen in rows:
            sha256 = await self.keep(self.staff_second, PDF + str(transfer_id).encode(), "回单.pdf")
            body = {"transfer_id": str(transfer_id), "sha256": sha256, "account": "1001", "day": str(day),
                "serial_number": serial, "amount_fen": fen}  # fmt: skip
            answer = await self.post(
                self.staff_second, f"/bank-statements/{statement_id}/receipts", body, under="/api/v1"
            )
            assert answer.status_code == 201, answer.text

    async def confirmed(self, statement: Json) -> Json:
        found: Json = await self.staff_second.ask(
            "POST", f"/api/v1/bank-statements/{statement['statement_id']}/confirm"
        )
        return found


def statement_file(rows: Sequence[tuple[str, int, str, str]]) -> bytes:
    """As one of the banks writes it: a title, GBK, yuan. An account number follows from the payer's name."""
    out = io.StringIO(newline="")
    lines: list[list[str]] = [["示例银行账户明细（虚构）"]]
    lines.append(["交易日期", "交易流水号", "借方发生额", "贷方发生额", "对方户名", "对方账号", "摘要", "附言"])
    day = clock.today().isoformat()
    for serial, fen, payer, remark in rows:
        account = "62" + "".join(str(ord(letter) % 10) for letter in payer).ljust(15, "0")[:15]
        lines.append([day, serial, "", f"{fen // 100}.{fen % 100:02}", payer, account, "转账", remark])
    csv.writer(out).writerows(lines)
    return out.getvalue().encode("gb18030")


async def union_day(story: Story) -> UnionDay:
    """The demo's people, and those whom only this story needs."""
    units = dict(await story.rows("SELECT code, id FROM unit"))
    [(union,)] = await story.rows("SELECT id FROM labour_union WHERE code = 'DEMO-U'")
    ids = dict(await story.rows("SELECT email, id FROM user_account"))
    more: dict[str, Caller] = {}
    for email, name, role, where, joins in (
        ("approver.second@demo.test", "审批卯（虚构）", Role.UNION_APPROVER, "DEMO", True),
        ("approver.left@demo.test", "审批辰（虚构）", Role.UNION_APPROVER, "DEMO", True),
        ("receiver.second@demo.test", "见证巳（虚构）", Role.UNION_RECEIVER, "DEMO", False),
        ("leader@demo.test", "组长午（虚构）", Role.UNION_BUYER, "DEMO-2", False),
    ):
        made = await somebody(story.database, email, Grant(role, "unit", str(units[where])), name=name)
        ids[email] = made.user_id
        async with story.database.transaction() as session:
            now = clock.now()
            await join_unit(session, actor=None, person_id=made.person_id, unit_id=units[where], day=SINCE, now=now)
            if joins:
                await join_union(session, actor=None, person_id=made.person_id, union_id=union, day=SINCE, now=now)
        more[email.partition("@")[0]] = await sign_in(story.http, email, PASSWORD)
    stranger, other_bank = [await sign_in(story.http, f"{who}@other.test") for who in ("union.buyer", "staff")]
    demo = {
        who: await sign_in(story.http, f"{who}@demo.test")
        for who in (
            "union.buyer",
            "union.approver",
            "union.receiver",
            "staff",
            "staff.second",
            "admin",
            "admin.second",
            "supplier",
        )
    }
    return UnionDay(
        story, units, union, ids, demo["union.buyer"], demo["union.approver"], more["approver.second"],
        more["approver.left"], demo["union.receiver"], more["leader"], demo["staff"], demo["staff.second"],
        demo["admin"], demo["admin.second"], demo["supplier"], stranger, other_bank,
    )  # fmt: skip


def quote(n: int, total_fen: int, **more: object) -> dict[str, Any]:
    return {
        "supplier_name": f"报价单位{n}（虚构）",
        "credit_code": f"9131000000000000{n:02}",
        "legal_representative": f"法人{n}（虚构）",
        "owners": [f"股东{n}（虚构）"],
        "bank_account": f"62220000000{n:05}",
        "total_fen": total_fen,
        "quoted_on": str(clock.today()),
    } | more


def sites(unit_ids: Mapping[str, UUID]) -> list[dict[str, str]]:
    return [
        {"unit_id": str(unit_ids[code]), "name": f"收货点{n}", "region_code": "310101", "street": f"示例路{n}号"}
        for n, code in enumerate(BRANCHES, 1)
    ]
