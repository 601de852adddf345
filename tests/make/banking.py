"""Banks' files, shares that wait for their money, and what funds say of it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from fastapi import FastAPI
from sqlalchemy import text

from orders.credit.record import Recognised, record
from orders.funds.post import Moved, post
from orders.order.models import PayerShare
from orders.order.transfer_code import new_transfer_code
from shop.access.permissions import Actor
from shop.core.database import Database
from shop.core.ids import new_id
from tests.make.caller import as_caller
from tests.make.evidence import PDF, colleague
from tests.make.shop import SmallShop, buyer, placed

DAY = date(2026, 11, 20)
ICBC = ["交易日期", "交易流水号", "借方发生额", "贷方发生额", "对方户名", "对方账号", "摘要", "附言"]
CCB = ["记账日期", "账户明细编号-交易流水号", "发生额", "收支方向", "对方账户名称", "对方账户", "摘要"]
UNION = "示例银行第一分行工会（虚构）"
ACCOUNT = "6222021001112223334"


@dataclass(frozen=True)
class Row:
    serial: str
    yuan: str
    remark: str = ""
    name: str = UNION
    account: str = ACCOUNT
    day: str = "2026-11-20"


def icbc(rows: Sequence[Row], encoding: str = "gb18030", above: Sequence[str] = ()) -> bytes:
    lines = [*([one] for one in above), ICBC]
    lines += [[r.day, r.serial, "", r.yuan, r.name, r.account, "转账", r.remark] for r in rows]
    return as_csv(lines).encode(encoding)


def ccb(rows: Sequence[Row], direction: str = "收入") -> list[list[str]]:
    return [CCB, *([r.day, r.serial, r.yuan, direction, r.name, r.account, r.remark] for r in rows)]


def as_csv(lines: Sequence[Sequence[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(lines)
    return out.getvalue()


async def share(
    database: Database,
    shop: SmallShop,
    *,
    due_fen: int,
    order_id: UUID | None = None,
    position: int = 1,
    payer_id: UUID | None = None,
    name: str = UNION,
) -> PayerShare:
    """A union's share of a confirmed order; without `order_id` of an order of its own, whose components it owns."""
    own = order_id is None
    if order_id is None:
        order_id = (await placed(database, await buyer(database, works_at=shop.branch), {shop.skus[0]: 1})).id
    made = PayerShare(
        id=new_id(),
        order_id=order_id,
        position=position,
        payer_kind="union",
        payer_id=payer_id or new_id(),
        payer_name=name,
        unit_id=shop.branch,
        fund_source="union",
        transfer_code=new_transfer_code(),
        invoice_title=name,
        terms="after_acceptance",
        due_fen=due_fen,
        created_at=datetime.now(UTC),
    )
    async with database.transaction() as session:
        session.add(made)
        await session.flush()
        await session.execute(text("UPDATE shop_order SET state = 'confirmed' WHERE id = :order"), {"order": order_id})
        if own:
            await session.execute(
                text("""UPDATE line_share SET payer_kind = 'branch', payer_id = :share
                    WHERE line_id IN (SELECT id FROM order_line WHERE order_id = :order)"""),
                {"share": made.id, "order": order_id},
            )
    return made


async def accepted(database: Database, of: PayerShare, *, owed_fen: int, day: date = DAY) -> None:
    """Its goods were accepted: credited with grade B, and owed."""
    now, cause = datetime.now(UTC), new_id()
    async with database.transaction() as session:
        rows = await session.execute(
            text("SELECT id, net_fen, grams, quantity_milli FROM share_component WHERE order_id = :order"),
            {"order": of.order_id},
        )
        sales = [Recognised("sale", cause, r.id, r.net_fen, r.grams, r.quantity_milli, day, day, "B") for r in rows]
        await record(session, sales, now=now)
        supplier = await session.scalar(
            text("SELECT supplier_id FROM order_line WHERE order_id = :order LIMIT 1"), {"order": of.order_id}
        )
        await post(
            session,
            [
                Moved(
                    key=f"accepted:{cause}",
                    kind="sale",
                    debit=("receivable", str(of.id)),
                    credit=("claim", str(supplier)),
                    amount_fen=owed_fen,
                    reference=of.order_id,
                    occurred_on=day,
                )
            ],
            now=now,
        )


async def balance(database: Database, kind: str, owner: object) -> int:
    """Debits less credits, in fen."""
    async with database.reading() as session:
        found = await session.scalar(
            text("""SELECT
                coalesce(sum(CASE WHEN t.debit_account_id = a.id THEN t.amount_fen ELSE -t.amount_fen END), 0)
                FROM account a JOIN transfer t ON a.id IN (t.debit_account_id, t.credit_account_id)
                WHERE a.kind = :kind AND a.owner = :owner"""),
            {"kind": kind, "owner": str(owner)},
        )
        return int(found)


async def share_now(database: Database, share_id: UUID) -> tuple[int, int, str]:
    """(due, paid, state)"""
    async with database.reading() as session:
        found = await session.execute(
            text("SELECT due_fen, paid_fen, payment_state FROM payer_share WHERE id = :id"), {"id": share_id}
        )
        row = found.one()
        return row.due_fen, row.paid_fen, row.payment_state


async def grades(database: Database, order_id: UUID) -> dict[str, int]:
    """Credited fen that remains, by grade."""
    async with database.reading() as session:
        rows = await session.execute(
            text("""SELECT grade, sum(amount_fen)::bigint AS fen FROM credit_entry WHERE order_id = :order
                GROUP BY grade HAVING sum(amount_fen) <> 0"""),
            {"order": order_id},
        )
        return {row.grade: row.fen for row in rows}


async def brought(
    app: FastAPI, database: Database, importer: Actor, data: bytes, *, name: str = "a.csv", **form: Any
) -> dict[str, Any]:
    """One person brings a statement, a colleague confirms it: both answers in one. What was brought before stays."""
    async with as_caller(app, importer) as caller:
        answer = await caller.post("/api/v1/bank-statements", data=form, files={"file": (name, data)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    if found["state"] != "imported":
        return found
    async with as_caller(app, await colleague(database, importer)) as caller:
        confirmed = await caller.post(f"/api/v1/bank-statements/{found['statement_id']}/confirm")
    assert confirmed.status_code == 200, confirmed.text
    return found | confirmed.json()


async def proven(app: FastAPI, database: Database, importer: Actor) -> None:
    """The bank's receipt of every transfer that has none, brought by a colleague: what was paid is grade A."""
    second = await colleague(database, importer)
    requested = text("""SELECT t.id, t.statement_id, t.day, t.serial_number, t.amount_fen FROM bank_transfer t
        WHERE t.amount_fen > 0 AND NOT EXISTS (SELECT FROM transfer_proof p WHERE p.transfer_id = t.id)""")
    async with database.reading() as session:
        rows = (await session.execute(requested)).all()
    async with as_caller(app, second) as caller:
        for row in rows:
            file = ("回单.pdf", PDF + str(row.id).encode())
            kept = (await caller.post("/api/v1/evidence", files={"file": file})).json()
            body = {"transfer_id": str(row.id), "sha256": kept["sha256"], "account": "1001", "day": str(row.day),
                "serial_number": row.serial_number, "amount_fen": row.amount_fen}  # fmt: skip
            answer = await caller.post(f"/api/v1/bank-statements/{row.statement_id}/receipts", json=body)
            assert answer.status_code == 201, answer.text
