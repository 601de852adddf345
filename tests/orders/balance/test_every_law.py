"""Whatever drifts, by any law: the nightly balance names it, says whose it is, and finds it healed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import pytest
from fastapi import FastAPI

from orders.balance.ask import CODES
from orders.balance.identity import LAWS
from orders.balance.open_items import KINDS
from orders.balance.rules import LAW_REASONS, NAMES, PARTS
from orders.balance.run import run_balance
from orders.credit.fold import fold
from shop.access.permissions import Role
from shop.core.database import Database
from shop.core.settings import Settings
from tests.make.aftersales import pieces, refund
from tests.make.bank_desk import bank_desk, money
from tests.make.evidence import worker
from tests.make.intake import IntakeDesk, Line
from tests.make.intake import refund as given_back_elsewhere
from tests.make.joint_order import accepted, expected, joint_purchase, placed_joint
from tests.make.payments import till
from tests.make.shop import buyer, placed
from tests.make.superuser import planted

pytestmark = pytest.mark.anyio


def _by(table: str, column: str, where: str = "true") -> str:
    return f"UPDATE {table} SET {column} = {column} + :n WHERE {where}"


DRIFTS: Final[Mapping[str, str]] = {
    "money": _by("payment", "received_fen", "state = 'succeeded' AND method = 'stripe'"),
    "recognised": _by("share_component", "net_fen"),
    "claims": _by("parcel", "freight_fen", "freight_fen > 0"),
    "outside": _by("outside_sale", "amount_fen"),
    "own_desk": _by("acceptance_part", "accepted_fen", "accepted_fen > 0"),
    "clearing": _by("transfer", "amount_fen", "kind = 'sale'"),
    "refunds": _by("refund", "amount_fen", "state = 'succeeded'"),
    "given_back": _by("share_component", "refunded_fen", "refunded_fen < net_fen"),
    "shares": _by("payer_share", "due_fen", "payer_kind <> 'person'"),
    "transfers": _by("payer_share", "paid_fen", "payer_kind = 'person' AND paid_fen > 0"),
    "unproven": _by("payer_share", "unproven_fen", "payer_kind = 'person' AND paid_fen > 0"),
    "receipts": _by("transfer_match", "amount_fen"),
    "accepted": _by("acceptance_part", "accepted_fen", "accepted_fen > 0"),
    "on_hand": _by("stock_item", "on_hand_pieces"),
    "held": _by("stock_hold", "pieces", "state = 'held'"),
    "owned": _by("refund_goods", "pieces"),
    "rollup": _by("credit_rollup", "sale_fen"),
    "rollup_years": _by("credit_rollup_year", "sale_fen"),
}


def test_everything_that_is_compared_and_named_has_a_word_and_an_owner() -> None:
    laws = {law.code for law in LAWS} | {"rollup"}
    assert laws | {kind.code for kind in KINDS} | set(CODES) | {"funds", "unsealed", "refund_doubled"} <= NAMES.keys()
    assert laws == LAW_REASONS.keys()
    assert {part for law in LAWS for part in (*law.left, *law.right)} | {"rollup", "entries"} <= PARTS.keys()
    assert laws <= DRIFTS.keys(), "a new law is planted below"


async def test_a_drift_of_every_law_is_named_by_the_run_and_heals(
    app: FastAPI, database: Database, settings: Settings, schema: str
) -> None:
    desk = await bank_desk(app, database)
    shop = desk.shop
    _, by_bank, code = await desk.ordered()
    await desk.bring(money("S1", by_bank.total_fen, code))
    joint = await joint_purchase(database, shop=shop)
    bulk = await placed_joint(database, joint)
    for delivery in {one.delivery_id for one in await expected(database, bulk)}:
        await accepted(database, joint, bulk, delivery)
    one, two = [await worker(database, Role.STAFF, "unit", shop.bank, works_at=shop.bank) for _ in range(2)]
    elsewhere = IntakeDesk(app, database, shop, one, two, one)
    await elsewhere.imported([Line(), given_back_elsewhere()])
    async with till(database) as counter:
        who = await buyer(database, works_at=shop.branch)
        order = await counter.paid(who, {shop.skus[0]: 4})
        await refund(counter, one, order.id, **pieces(order, 0, 1))
        await counter.work()
        await placed(database, who, {shop.skus[0]: 1})  # its pieces are held

        async def night() -> dict[str, set[str]]:
            """code → subjects of what is wrong."""
            await run_balance(database, counter.gateway, now=datetime.now(UTC))
            found: dict[str, set[str]] = {}
            for code, subject, unit, said in await counter.all(
                "SELECT code, subject, unit_id, said FROM balance_difference WHERE closed_at IS NULL AND NOT waits"
            ):
                assert said
                if subject.partition(":")[0] in {"order", "refund", "share", "receipt", "component"}:
                    assert unit in {shop.bank, shop.branch, *joint.branches}, f"{subject}: its people see it"
                found.setdefault(code, set()).add(subject)
            return found

        async with database.transaction() as session:
            await fold(session)
        assert await night() == {}
        owner = settings.database_owner_url or ""
        for law, drift in DRIFTS.items():
            rows = await planted(owner, schema, drift, n=1)
            assert rows > 0, law
            assert law in await night(), law
            assert await planted(owner, schema, drift, n=-1) == rows, law
            assert await night() == {}, law
