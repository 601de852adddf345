"""Every route, called by people of another company with the ids of the first: they touch and see nothing of it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
import requests

from shop.access.permissions import PUBLIC_ROUTES, Actor, Grant, Permission, Role
from shop.app.main import create_app
from shop.core import clock
from shop.core.ids import new_id
from shop.core.settings import Settings
from tests.make.asked import Call, CannotAsk, body_of, declared, ids_in, path_of
from tests.make.running_shop import running_shop, signed_in, whose_job
from tests.make.tables import Owner, Tables, Watch, own_id
from tests.make.whole_desks import furnish_desks
from tests.make.whole_people import furnish_people
from tests.make.whole_shop import WholeShop
from tests.rules.test_routes import calls

OTHERS: Final = ("employee", "union.buyer", "union.approver", "staff", "admin", "auditor")
JOURNALS: Final = frozenset({
    "audit_event", "idempotency", "sign_in_session", "sign_in_attempt", "heartbeat", "knowledge", "sandbox_object",
    "product_touched",
})  # fmt: skip
"""They say what was asked, or what a machine did; no right hangs on them."""
BROUGHT: Final = frozenset({"evidence", "evidence_upload", "cart_line"})
"""A file without a unit is that of whoever brought it, and so is what lies in a cart."""
SHELF: Final = frozenset({"stock_item", "stock_movement"})
"""Whoever buys takes from the same shelf."""
EVERYBODYS: Final = frozenset({
    "county", "county_alias", "county_successor", "designation", "pairing", "producer", "supplier", "product", "sku",
    "sku_content", "price", "zone", "zone_product", "campaign", "campaign_product", "freight_rate", "document",
    "recognition", "benefit_statement", "seller_discount", "listing_row", "counting_rule", "spending_rule",
    "flag_threshold", "retention_rule", "cancel_rule", "adjustment_rule", "reserved_share_rule", "tick_rule",
    "sales_channel", "channel_cursor", "import_batch", "import_row", *SHELF,
})  # fmt: skip
"""Rows of these belong to nobody in particular: no one of a single company changes them."""
REFUSED: Final = frozenset({403, 404, 409, 422, 429})
app = create_app(Settings(_env_file=None))
CALLS: Final = [call for call in declared(app) if not call.path.startswith("/sandbox/")]
PERMISSIONS: Final = dict(calls(app))
WRITES: Final = [call for call in CALLS if call.method != "GET" and (call.method, call.path) not in PUBLIC_ROUTES]
READS: Final = [call for call in CALLS if call.method == "GET" and (call.method, call.path) not in PUBLIC_ROUTES]


class Asking:
    """Two companies in one shop. ours: of the first, which nobody here works for; theirs: of who calls."""

    def __init__(self, shop: WholeShop, tables: Tables, strangers: dict[str, Actor]) -> None:
        self.shop, self.tables, self.strangers = shop, tables, strangers
        self.watch = Watch(tables, JOURNALS)
        self.ours, self.theirs, self.evidence = Owner(set()), Owner(set()), Owner(set())

    async def begin(self) -> None:
        """theirs: units, unions and persons; what an account of theirs did is not yet about them."""
        await self.watch.begin()
        rows = await self.tables.ask(_ITS)
        self.theirs = Owner({str(row[0]) for row in rows})
        self.theirs.learn(self.watch.seen, but=EVERYBODYS)
        accounts = await self.tables.ask("SELECT id FROM user_account WHERE email LIKE '%@other.test'")
        self.theirs.ids -= {str(row[0]) for row in accounts}
        everything = {one for name, found in self.watch.seen.items() if name not in EVERYBODYS for row in found
                      for one in _own(row)}  # fmt: skip
        runs = await self.tables.ask("SELECT id FROM balance_run")
        everything -= {str(row[0]) for row in runs}  # that the books were compared concerns everybody
        self.ours = Owner(everything - self.theirs.ids - {str(row[0]) for row in accounts})

    def call(self, who: str, call: Call) -> requests.Response:
        actor = replace({**self.shop.actors, **self.strangers}[who], session_id=new_id())
        token = self.shop.tokens.issue(actor, now=clock.wall())
        headers = {"authorization": f"Bearer {token}", "idempotency-key": uuid4().hex}
        return self.shop.http.request(
            call.method, f"{self.shop.url}{path_of(call, self.shop.ids)}", headers=headers,
            allow_redirects=False,
            **(body_of(self.shop, call) if call.method != "GET" else {"params": self.shop.bodies.get(call.label)}),
        )  # fmt: skip

    def ask_all(self, call: Call) -> list[str]:
        """What is wrong with the answers, and with what they name; of what is ours nobody reads. Asked are those whose
        role carries what the route asks for, which its guard lets in, and one whom it does not.
        """
        found = []
        needed = {Permission(one) for one in PERMISSIONS[call.method, call.path]}
        let_in = [who for who, actor in self.strangers.items() if all(actor.may(one) for one in needed)]
        kept_out = [who for who in self.strangers if who not in let_in][:1]
        for who in (*let_in, *kept_out):
            try:
                answer = self.call(who, call)
            except CannotAsk as nobody_said:
                return [f"nobody has said what is sent: {nobody_said}"]
            if answer.status_code >= 400 and answer.status_code not in REFUSED:
                found.append(f"{who}: {answer.status_code} {answer.text[:300]}")
            said = ids_in(f"{answer.request.url} {answer.request.body!r}")
            read = call.method == "GET" and answer.ok and '"items":[]' not in answer.text
            if read and ids_in(answer.request.path_url) & self.ours.ids:
                found.append(f"{who}: {answer.status_code} {answer.request.path_url} {answer.text[:300]}")
            if named := (ids_in(answer.text) & self.ours.ids) - said:
                found.append(f"{who}: {answer.status_code} names {named}")
        return found

    async def faults(self) -> list[str]:
        """What was touched since the last look, and is not the strangers' own."""
        found = []
        for one in await self.watch.look():
            if one.table in SHELF:
                continue
            for row in (*one.gone, *one.came):
                nobodys = one.table not in BROUGHT and not self.theirs.named_by(row)
                if one.table in EVERYBODYS or self.ours.named_by(row) or nobodys:
                    found.append(f"{one.table}: {row[:300]}")
                else:
                    self.theirs.ids |= _own(row)
        return found


def _own(row: str) -> set[str]:
    mine = own_id(row)
    return {mine} if mine else set()


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as made:
        yield made


@pytest.fixture(scope="module")
def asking(
    runner: asyncio.Runner, postgres: Path, shop_template: str, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    """The first company with everything on its desks; no worker moves anything any more."""
    with running_shop(postgres, shop_template, schema, tmp_path_factory.mktemp("others")) as running:
        shop = running.shop
        tables = runner.run(Tables.open(running.settings.database_url or "", schema))
        runner.run(furnish_desks(shop, tables))
        runner.run(furnish_people(shop, tables))
        running.processes.kill("worker")
        made = Asking(shop, tables, strangers(shop, runner.run(tables.ask(_THEIRS))))
        runner.run(made.begin())
        yield made
        runner.run(tables.connection.close())


_ITS: Final = """
SELECT id FROM unit WHERE code = 'OTHER' UNION SELECT id FROM labour_union WHERE code = 'OTHER-U'
UNION SELECT person_id FROM user_account WHERE email LIKE '%@other.test'
"""
_THEIRS: Final = """
SELECT (SELECT id FROM unit WHERE code = 'OTHER'), (SELECT s.id FROM supplier s
    WHERE s.id::text NOT IN (SELECT scope_id FROM role_grant) ORDER BY s.id LIMIT 1)
"""


def strangers(shop: WholeShop, theirs: list[Any]) -> dict[str, Actor]:
    """The demo's second company; who else works there or sells does so by a token."""
    found = {f"other {who}": signed_in(shop.http, shop.url, shop.tokens, who, at="other.test") for who in OTHERS}
    unit, supplier = (str(one) for one in theirs[0])
    for who, grant in (
        ("receiver", Grant(Role.UNION_RECEIVER, "unit", unit)),
        ("canteen", Grant(Role.CANTEEN_BUYER, "unit", unit)),
        ("supplier", Grant(Role.SUPPLIER, "supplier", supplier)),
    ):
        found[f"other {who}"] = replace(found["other employee"], grants=(grant,))
    found["auditor without a mandate"] = replace(found["other staff"], grants=(Grant(Role.AUDITOR, "all", "*"),))
    return found


def nothing_is_touched(asking: Asking, runner: asyncio.Runner) -> None:
    wrong = []
    for call in WRITES:
        wrong += [f"{call.label}: {one}" for one in asking.ask_all(call)]
        wrong += [f"{call.label} touched {one}" for one in runner.run(asking.faults())]
    assert not wrong, "\n".join(wrong)


def nobody_reads(asking: Asking) -> None:
    wrong = [f"{call.label}: {one}" for call in READS for one in asking.ask_all(call)]
    assert not wrong, "\n".join(wrong)


NOT_ONE_COMPANYS: Final = frozenset({"GET /api/v1/credit/export"})
"""The whole ledger is for an auditor whose mandate covers every unit."""
OWN_PERSON: Final = (
    ("staff", ("/reply",)),
    ("auditor", ("/audit/baskets", "/audit/samples", "/audit/questions", "/audit/lines")),
    (
        "platform",
        ("/products/{product_id}/", "POST /api/v1/balance", "POST /staff/balance", "/flags/scan", "/products/reviews/"),
    ),
    ("canteen.receiver", ("/union/acceptances/{acceptance_id}/answer",)),
    ("union.receiver", ("/canteen/deliveries",)),
    ("canteen", ("/canteen/", "GET /api/v1/canteen-orders/{order_id}")),
    (
        "employee",
        (
            "GET /orders/{order_id}",
            "/orders/{order_id}/pay",
            "/orders/{order_id}/cancel",
            "/{order_id}/invoice",
            "/me/addresses/",
            "/me/claims/",
            "/membership-claims/",
        ),
    ),
    ("union.approver", ("POST /union/purchases/{purchase_id}/approve", "/changes/{change_id}")),
)


def own_person(call: Call) -> str:
    """Whose job it is in the first company; by a part of the label, where the permission does not tell."""
    if call.label == "POST /staff/flags":
        return "platform"
    for who, parts in OWN_PERSON:
        if any(part in call.label for part in parts):
            return who
    return whose_job(PERMISSIONS, call.method, call.path)


def what_is_sent_is_askable(asking: Asking) -> None:
    """The ids lead to something and the bodies have a shape: nobody is refused above for want of either."""
    wrong = []
    for call in [*READS, *WRITES]:
        if call.label in NOT_ONE_COMPANYS:
            continue
        answer = asking.call(own_person(call), call)
        shape = answer.status_code == 422 and '"code":"invalid"' in answer.text
        if answer.status_code in {401, 403, 404} or answer.status_code >= 500 or shape:
            wrong.append(f"{call.label}: {answer.status_code} {answer.text[:300] if call.is_api else ''}")
    assert not wrong, "\n".join(wrong)


def test_another_companys_people_touch_and_see_nothing(asking: Asking, runner: asyncio.Runner) -> None:
    """In this order: what the first company's own people do at the end is theirs."""
    nothing_is_touched(asking, runner)
    nobody_reads(asking)
    what_is_sent_is_askable(asking)
