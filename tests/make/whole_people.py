"""What else waits for somebody of the first company: a claim, a password, a county's heir, a review, a letter."""

from datetime import timedelta
from uuid import UUID

from shop.core import clock
from shop.core.ids import new_id
from tests.make.review import FACTS, as_facts, file_of
from tests.make.tables import Tables
from tests.make.whole_shop import API, WholeShop

WHY = {"reason": "原因（虚构）"}
_LISTED = """SELECT p.code FROM product p JOIN role_grant g ON g.role = 'supplier' AND g.scope_id = p.supplier_id::text
    WHERE p.state = 'listed' AND p.ship_months = '{}' ORDER BY p.code LIMIT 1"""
_CLAIM = """
WITH listed AS (
    INSERT INTO roster (id, union_id, as_of, file_sha256, people, created_by, created_at, acknowledged_columns)
    SELECT gen_random_uuid(), n.id, $2, repeat('0', 64), 0, $3, now(), '{}' FROM labour_union n WHERE n.code = 'DEMO-U2'
    RETURNING id, union_id
)
INSERT INTO membership_claim (id, roster_id, union_id, person_id, position, staff_number, unit_id, department, status,
    asked_by, asked_at, expires_at, state)
SELECT gen_random_uuid(), l.id, l.union_id, $1, 1, 'A2', u.id, '', 'active', $3, now(),
    now() + interval '9 days', 'open'
FROM listed l, unit u WHERE u.code = 'DEMO-2' RETURNING id
"""
_ADDRESS = """INSERT INTO address (id, person_id, kind, name, phone, region_code, street, used_at)
    VALUES (gen_random_uuid(), $1, 'home', '职工甲（虚构）', '13800138001', '310101', '示例路（虚构）', now())
    RETURNING id"""


async def furnish_people(shop: WholeShop, tables: Tables) -> None:
    """After `furnish`. The employee is listed by another union of the same company."""
    today = clock.today()
    employee = shop.actors["employee"]
    claim = await tables.ask(_CLAIM, employee.person_id, today, shop.actors["union.buyer"].user_id)
    reset = shop.ask("admin", "POST", f"/users/{employee.user_id}/password-resets", WHY)
    counties = await tables.ask("SELECT code FROM county ORDER BY code LIMIT 2")
    succession = {
        "code": counties[0][0], "successor_code": counties[1][0],
        "valid_from": str(today + timedelta(days=30)), "source": "公告（虚构）",
    }  # fmt: skip
    asked = {
        "password-resets": reset["id"],
        "county-successions": shop.ask("admin", "POST", "/county-successions", succession)["id"],
    }
    shop.ids |= {
        "address_id": str((await tables.ask(_ADDRESS, employee.person_id))[0][0]),
        "review_id": await _review(shop, tables),
        "message_id": await _message(tables),
        "verb of POST /products/reviews/{review_id}/{verb}": "approve",
        **{f"request_id of POST {API}/{kind}/{{request_id}}/{step}": found
           for kind, found in asked.items() for step in ("approve", "refuse")},
        **{f"claim_id of POST {base}/{{claim_id}}/{step}": str(claim[0][0])
           for base in (f"{API}/membership-claims", "/union/roster/claims", "/me/claims")
           for step in ("confirm", "refuse")},
    }  # fmt: skip
    shop.bodies |= {f"POST {API}/county-successions": succession | {"valid_from": str(today + timedelta(days=60))}}


async def _review(shop: WholeShop, tables: Tables) -> str:
    """The supplier wants another price for what stands on the shelf."""
    (code,) = (await tables.ask(_LISTED))[0]
    facts = as_facts(dict((await tables.ask(FACTS.replace(":code", "$1").replace(":now", "now()"), code))[0]))
    files = {"file": ("goods.csv", file_of(facts | {"yuan": f"{facts['fen'] / 50:.2f}"}))}
    shop.ask("supplier", "POST", "/products/import", files=files)
    return str(shop.ask("supplier", "GET", "/products/reviews")["items"][0]["id"])


async def _message(tables: Tables) -> str:
    """It was given up; nobody was there to take it."""
    made = new_id()
    await tables.ask(
        """INSERT INTO message (id, channel, template, lang, address, facts, message_id, state, attempts, created_at,
            next_attempt_at, ended_at, last_error)
        VALUES (CAST($1 AS uuid), 'mail', 'password_changed', 'zh', 'employee@demo.test', '{}',
            CAST($1 AS uuid)::text || '@shop.test', 'given_up', 1, now(), now(), now(), 'refused')""",
        UUID(str(made)),
    )
    return str(made)
