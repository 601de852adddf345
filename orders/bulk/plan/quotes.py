"""Quotes of suppliers that have nothing to do with each other: the database refuses the shared fact."""

import unicodedata
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from orders.bulk.move_on import move_on
from orders.bulk.plan.change_plan import content_changed
from orders.bulk.plan.check import check
from orders.bulk.plan.schemas import PurchaseQuoteIn
from orders.bulk.problems import PlanInvalid
from orders.bulk.visibility import purchase_for
from orders.evidence.cite import cited
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.database import WriteSession
from shop.core.errors import Detail, Problem
from shop.core.ids import new_id
from shop.core.rows import as_rows


class QuotesRelated(Problem):
    """Two quotes share an owner, a legal representative or a bank account. `errors[]` names what, and with whom."""

    status: ClassVar[int] = 409
    code: ClassVar[str] = "quotes_related"
    title: ClassVar[str] = "两家报价单位有关联，不能算作独立报价"


_ADD = text("""
INSERT INTO bulk_quote (id, purchase_id, supplier_id, supplier_name, credit_code, legal_representative, bank_account,
    total_fen, quoted_on, is_chosen, evidence_sha256, created_at)
VALUES (:id, :purchase, :supplier_id, :supplier_name, :credit_code, :legal_representative, :bank_account, :total_fen,
    :quoted_on, :is_chosen, :evidence_sha256, :now)
ON CONFLICT DO NOTHING RETURNING id
""")
# Whoever represents a supplier may not own another one: representatives stand among the owners.
_OWN = text("""
INSERT INTO bulk_quote_owner (purchase_id, owner, quote_id)
SELECT :purchase, owner, :id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(owner text)
ON CONFLICT DO NOTHING RETURNING owner
""")
_SHARED = text("""
SELECT q.supplier_name, q.supplier_name = :supplier_name AS name, q.credit_code = :credit_code AS code,
    q.legal_representative = :legal_representative AS representative, q.bank_account = :bank_account AS account
FROM bulk_quote q WHERE q.purchase_id = :purchase AND (q.supplier_name = :supplier_name
    OR q.credit_code = :credit_code OR q.legal_representative = :legal_representative
    OR q.bank_account = :bank_account)
""")
_OWNED = text("""
SELECT o.owner, q.supplier_name FROM bulk_quote_owner o JOIN bulk_quote q ON q.id = o.quote_id
WHERE o.purchase_id = :purchase AND o.quote_id <> :id
    AND o.owner IN (SELECT owner FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(owner text))
""")
_KNOWN_SUPPLIER = text("SELECT EXISTS (SELECT FROM supplier WHERE id = :supplier_id)")
_ONE_CHOSEN = text(
    "UPDATE bulk_quote SET is_chosen = (id = :id) WHERE purchase_id = :purchase AND is_chosen <> (id = :id)"
)
_EXISTS = text("SELECT EXISTS (SELECT FROM bulk_quote WHERE id = :id AND purchase_id = :purchase)")


async def add_quote(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, quote: PurchaseQuoteIn, now: datetime
) -> UUID:
    """Returns the quote's id; a chosen one takes the place of the one chosen before.

    Raises NotFound, EvidenceUnknown, WrongState, PlanInvalid, QuotesRelated.
    """
    await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    await cited(session, actor, quote.evidence_sha256, field="evidence_sha256", day=clock.business_day(now))
    if quote.quoted_on > clock.business_day(now):
        raise PlanInvalid("报价日期不能晚于今天。", [Detail("/quoted_on", "in_the_future", "报价日期不能晚于今天")])
    if quote.supplier_id and not await session.scalar(_KNOWN_SUPPLIER, {"supplier_id": quote.supplier_id}):
        raise PlanInvalid("没有这个供应商。", [Detail("/supplier_id", "unknown", "没有这个供应商")])
    facts = quote.model_dump(exclude={"owners"}) | {
        "id": new_id(),
        "purchase": purchase_id,
        "supplier_name": same_form(quote.supplier_name),
        "legal_representative": same_form(quote.legal_representative),
        "bank_account": "".join(letter for letter in quote.bank_account if letter.isdigit()),
        "is_chosen": False,
        "now": now,
    }
    owners = sorted({same_form(owner) for owner in [*quote.owners, quote.legal_representative]})
    await _add(session, facts, as_rows({"owner": owner} for owner in owners), len(owners))
    if quote.is_chosen:
        await session.execute(_ONE_CHOSEN, facts)
    await content_changed(session, purchase_id=purchase_id, actor_id=actor.user_id, now=now, reason="报价有变化")
    await _now_quoting(session, purchase_id, actor, now)
    await check(session, purchase_id=purchase_id, now=now)
    return UUID(str(facts["id"]))


async def choose_quote(
    session: WriteSession, *, actor: Actor, purchase_id: UUID, quote_id: UUID, now: datetime
) -> None:
    """Take one supplier's offer. Raises NotFound, WrongState."""
    await purchase_for(session, actor, Permission.BULK_WRITE, purchase_id, now, lock=True)
    named = {"id": quote_id, "purchase": purchase_id}
    if not await session.scalar(_EXISTS, named):
        raise PlanInvalid("没有这份报价。")
    await session.execute(_ONE_CHOSEN, named)
    await content_changed(session, purchase_id=purchase_id, actor_id=actor.user_id, now=now, reason="选定报价")
    await check(session, purchase_id=purchase_id, now=now)


def same_form(words: str) -> str:
    """One spelling for one name: full-width letters and spaces do not make another person."""
    return "".join(unicodedata.normalize("NFKC", words).split()).casefold()


async def _add(session: WriteSession, facts: dict[str, object], owners: str, count: int) -> None:
    if await session.scalar(_ADD, facts) is None:
        shared = (await session.execute(_SHARED, facts)).all()
        raise _related(
            (f"与“{row.supplier_name}”的{what}相同", pointer)
            for row in shared
            for is_same, what, pointer in (
                (row.name, "名称", "/supplier_name"),
                (row.code, "统一社会信用代码", "/credit_code"),
                (row.representative, "法定代表人", "/legal_representative"),
                (row.account, "银行账号", "/bank_account"),
            )
            if is_same
        )
    named = {"purchase": facts["purchase"], "id": facts["id"], "rows": owners}
    if len((await session.execute(_OWN, named)).all()) < count:
        owned = (await session.execute(_OWNED, named)).all()
        raise _related((f"“{row.owner}”同时是“{row.supplier_name}”的股东或法定代表人", "/owners") for row in owned)


def _related(found: object) -> QuotesRelated:
    said = list(found)  # type: ignore[call-overload]
    detail = "；".join(words for words, _ in said)
    return QuotesRelated(
        f"{detail}。请换一家没有关联的供应商报价。", [Detail(pointer, "shared", words) for words, pointer in said]
    )


_STATE = text("SELECT state FROM bulk_purchase WHERE id = :purchase")


async def _now_quoting(session: WriteSession, purchase_id: UUID, actor: Actor, now: datetime) -> None:
    if await session.scalar(_STATE, {"purchase": purchase_id}) == "draft":
        await move_on(session, purchase_id=purchase_id, to="quoting", actor_id=actor.user_id, now=now)
