"""Every change of money, credit, target, rule or permission is noted: who, when, before, after, reason.

Held over the text of the program: a module that writes one of the watched tables calls `record_change`, or every
module that calls it does, or it stands below with the journal that already says who, when and why. A new table fails
until somebody decides on which side it belongs.
"""

import ast
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlmodel import SQLModel

from shop.app.migrate import import_tables

ROOT = Path(__file__).resolve().parents[2]
VERBS = {"insert", "insert_once", "update", "delete"}
WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO)\s+([a-z_]+)")

WATCHED = {
    "money": """allowance allowance_grant allowance_sku bank_statement bank_transfer budget_version bulk_approval
        bulk_change canteen_contract encumbrance invoice known_payer match_proposal match_proposal_share paid_back
        payer_share payment reduction reduction_line reduction_part refund tender transfer transfer_match
        acceptance acceptance_line acceptance_part bulk_purchase held_transfer kept_advance dispute provider_refund
        desk_decision match_undoing transfer_unmatch bank_layout came_back transfer_proof sent_transfer""",
    "credit": """attribution correction correction_part credit_entry credit_source evidence_link unit_month
        canteen_paper filing filing_round flag_decision flag_review intake_batch intake_claim intake_row outside_refund
        outside_sale period_reopening rectification seal seal_event
        seal_key seal_member""",
    "rule": """adjustment_rule cancel_rule counting_rule county_successor designation flag_threshold freight_rate
        pairing price recognition reserved_share_rule retention_rule seller_discount spending_rule tick_rule""",
    "permission": """approval_delegation audit_mandate change_request membership membership_claim person_alias
        role_grant union_membership unit unit_parent user_account labour_union""",
    "target": "reserved_share_duty",
    "shelf": "product_review",
}
UNWATCHED = {
    "journals themselves: appended with who and when, never altered": """acceptance_answer audit_event audit_question
        audit_sample notice_seen bulk_event filing_event order_event published_report stock_movement evidence
        evidence_upload balance_run balance_difference funds_proof knowledge name_shown period_event spending_decision
        roster_change""",
    "what a buyer or his order is, copied when it was placed; changes of its money stand in refunds, shares and the "
    "ledger": """address allocation cart_line delivery dispatch freight_share line_share order_line parcel
        refund_freight refund_goods refund_line refund_part share_component shop_order canteen_order canteen_list
        canteen_list_line acceptance_duty""",
    "content of a plan: its approval is of a digest over it, and any change of it voids that": """bulk_case bulk_member
        bulk_notice bulk_objection bulk_package bulk_package_line bulk_payer bulk_quote bulk_quote_owner
        bulk_recipient bulk_site recipient_import roll_leftover roll_row roll_scan""",
    "goods and people as they are described": """benefit_statement campaign campaign_product canteen county
        county_alias document introduction invitation_link listing_row person producer product product_touched
        sales_channel sku sku_content staff_number stock_hold stock_item supplier union_unit unit_successor zone
        zone_product invoice_request""",
    "imports name who staged and who confirmed them": """import_batch import_row roster roster_entry
        bank_statement_row""",
    "counted from other rows, which are watched": """account credit_delta credit_rollup credit_rollup_year flag flag_end
        flag_line spending_counter spending_take spending_taken""",
    "works of the machine": """channel_cursor commit_epoch heartbeat idempotency message programme
        reset_request sandbox_clock sandbox_message sandbox_object sign_in_attempt sign_in_session webhook_inbox""",
    "links and codes that are told once: what they open is noted when they do": "account_link phone_proof",
    "written by the release before, as long as it serves": "accounting_period",
}
JOURNALS = {
    "orders.funds.post": "transfers are the journal of money: appended, each with its key, kind and reference",
    "orders.funds.hold": "the same: pending transfers, posted or voided once",
    "orders.credit.record": "entries are the journal of credit: appended, sealed, each with its cause",
    "orders.seal.seal": "seals are a signed chain",
    "orders.checkout.place_statement": "a buyer's own order: order_event says who and when, nothing was there before",
    "catalog.county.load": "the official list of codes, as it comes with the program",
    "orders.canteen.place": "a kitchen's own order: order_event says who and when, nothing was there before",
    "orders.checkout.open_transfer": "a buyer's own choice how to pay: nothing was due before",
    "orders.canteen.accept": "the due day within an acceptance, which notes itself",
    "orders.aftersales.sent_transfer": "part of a return, which notes itself, with who and when; appended",
    "orders.aftersales.provider_refund": "what the provider says; whose it is two people say, noted in decide",
    "orders.aftersales.catch_up": "what the last release recorded and noted itself, with who and when; appended",
    "orders.payment.begin": "a buyer's own payment: nothing was there before; a kept advance's match notes itself",
    "orders.payment.mark": "what the provider says happened: webhook_inbox, order_event and transfers",
    "orders.payment.move_on": "a payment that came to nothing; what a bank took back is noted where two people say so",
    "orders.payment.move_refund": "what the provider says of a refund that was noted when it was asked for",
    "orders.payment.kept_advance": "kept by two people, noted in decide; a refund or match that takes it notes itself",
    "orders.payment.due": "when to ask the provider again",
    "orders.budget.encumber": "reserved and spent by purchase: transfers, and the steps of the purchase",
    "orders.bulk.move_on": "bulk_event says who, when, why, and by which rule a step was skipped",
    "orders.bulk.plan.check": "the stored spending_decision is its journal",
    "orders.bulk.plan.change_plan": "content of a draft: revision and digest",
    "orders.bulk.choice.freeze_choices": "choices end at their hour, by the clock",
    "orders.canteen.jobs": "a share is overdue by the calendar",
}
"""Modules that write a watched table without noting it there, and what says who, when and why instead."""


@dataclass(frozen=True)
class Module:
    """What a module's text says: tables its statements change, modules whose functions it imports, whether it notes."""

    changes: frozenset[str]
    calls: frozenset[str]
    notes: bool


@cache
def tables() -> frozenset[str]:
    import_tables()
    return frozenset(SQLModel.metadata.tables)


@cache
def classes() -> dict[str, str]:
    import_tables()
    return {mapper.class_.__name__: str(mapper.local_table) for mapper in SQLModel._sa_registry.mappers}


def named(sides: dict[str, str]) -> list[str]:
    return [table for listed in sides.values() for table in listed.split()]


def read(path: Path) -> Module:
    """SQL, or the library's words for it: insert(Price), a Price that is made to be added."""
    changes, calls, notes = set(), set(), False
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            changes |= set(WRITES.findall(node.value)) & tables()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            notes = notes or node.func.id in {"record_change", "record_changes", "note_change"}
            of = [one.id for one in node.args if isinstance(one, ast.Name)] if node.func.id in VERBS else [node.func.id]
            if path.name != "models.py":
                changes |= {classes()[one] for one in of if one in classes()}
        elif isinstance(node, ast.ImportFrom) and node.module and any(one.name.islower() for one in node.names):
            calls |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}  # a function, or a module
    return Module(frozenset(changes), frozenset(calls), notes)


@cache
def program(root: Path) -> dict[str, Module]:
    """By dotted name; the played day is not the shop."""
    paths = (path for package in ("shop", "catalog", "orders") for path in sorted((root / package).rglob("*.py")))
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): read(path)
        for path in paths
        if "demo" not in path.parts and path.name != "audit.py"
    }


def is_noted(
    name: str, modules: dict[str, Module], excused: Collection[str], seen: frozenset[str] = frozenset()
) -> bool:
    """By itself, or by every module that calls it. excused: modules that need not, with all that they call."""
    if modules[name].notes or name in excused:
        return True
    callers = [other for other, module in modules.items() if name in module.calls and other not in seen]
    return bool(callers) and all(is_noted(one, modules, excused, seen | {name}) for one in callers)


def silent(root: Path = ROOT, excused: Collection[str] = ()) -> dict[str, set[str]]:
    """Modules that change a watched table and leave no note: module → tables."""
    modules, watched = program(root), set(named(WATCHED))
    found = {name: set(module.changes & watched) for name, module in modules.items()}
    return {name: those for name, those in found.items() if those and not is_noted(name, modules, excused)}


def test_each_table_is_watched_or_says_why_not() -> None:
    decided = named(WATCHED) + named(UNWATCHED)
    assert sorted(decided) == sorted(set(decided)), "a table stands on one side"
    assert set(decided) - tables() == set(), "tables that are gone"
    assert tables() - set(decided) == set(), "decide whether changes of these must be noted"


def test_every_module_that_changes_a_watched_table_notes_it() -> None:
    assert silent(excused=JOURNALS) == {}


def test_no_excuse_outlives_its_module() -> None:
    unneeded = {one for one in JOURNALS if silent(excused=set(JOURNALS) - {one}) == {}}
    assert unneeded == set()


def test_the_inventory_sees_a_verb_that_forgot(tmp_path: Path) -> None:
    forgetful, careful = tmp_path / "forgetful" / "orders", tmp_path / "careful" / "orders"
    for folder in (forgetful, careful):
        folder.mkdir(parents=True)
        (folder / "cut.py").write_text('CUT = "UPDATE price SET fen = 1"\n')
        (folder / "api.py").write_text("from orders.cut import cut\n")
    with (careful / "api.py").open("a") as more:
        more.write("async def act(session):\n    await record_change(session)\n")
    assert silent(forgetful.parent) == {"orders.cut": {"price"}}
    assert silent(careful.parent) == {}
