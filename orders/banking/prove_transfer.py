"""A transfer becomes a bank's record: another person brought a second export or the bank's receipt, and they agree."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, bindparam, text

from orders.banking.active_match import ACTIVE
from orders.banking.problems import SamePerson
from orders.banking.settle_transfer import owned_components
from orders.banking.statement.own_account import account_digest
from orders.credit.regrade import lift
from orders.evidence.cite import cited
from orders.order.shares import ShareChange, lock_shares, pay_shares
from shop.access.permissions import Actor, Permission
from shop.core import clock
from shop.core.audit import Change, record_changes
from shop.core.database import WriteSession
from shop.core.errors import Detail, NotFound, Problem
from shop.core.keys import Keys
from shop.organisation.queries import visible_unit_ids
from shop.sheet.value import plain


class ReceiptDiffers(Problem):
    """It proves another transfer, or the statement is not the bank's. The errors name what differs."""

    status: ClassVar[int] = 422
    code: ClassVar[str] = "receipt_differs"
    title: ClassVar[str] = "回单与这笔到账不一致"


class AlreadyProven(Problem):
    status: ClassVar[int] = 409
    code: ClassVar[str] = "already_proven"
    title: ClassVar[str] = "这笔到账已经有银行凭证"


@dataclass(frozen=True, slots=True)
class BankReceipt:
    """What the bank's electronic receipt says. account: of ours, as printed, also masked. sha256: its kept file."""

    sha256: str
    account: str
    day: date
    serial_number: str
    amount_fen: int


_TRANSFERS = bindparam("transfers", type_=ARRAY(Uuid))
_LOCK = text("SELECT id FROM bank_transfer WHERE id = ANY(:transfers) ORDER BY id FOR UPDATE").bindparams(_TRANSFERS)
# The statement's own state: those of before the rule was need no proof.
_PROVE = text("""
INSERT INTO transfer_proof (transfer_id, id, statement_id, imported_by, kind, sha256, brought_by, brought_at)
SELECT t.id, gen_random_uuid(), t.statement_id, s.imported_by, CAST(:kind AS text), CAST(:sha AS text),
    CAST(:brought_by AS uuid), :now
FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
WHERE t.id = ANY(:transfers) AND t.amount_fen > 0 AND s.state = 'confirmed'
    AND s.imported_by <> CAST(:brought_by AS uuid) AND s.file_sha256 <> CAST(:sha AS text)
    AND (CAST(:kind AS text) = 'receipt' OR t.account_key NOT LIKE 'desk:%')
ON CONFLICT DO NOTHING RETURNING transfer_id, id
""").bindparams(_TRANSFERS)
_OF_TRANSFERS = f"m.transfer_id = ANY(:transfers) AND {ACTIVE}"
_SHARES = text(
    f"SELECT m.payer_share_id, m.transfer_id, m.amount_fen FROM transfer_match m WHERE {_OF_TRANSFERS} ORDER BY 1, 2"  # noqa: S608
).bindparams(_TRANSFERS)
_OF_ORDER = text("SELECT id FROM share_component WHERE order_id = :order ORDER BY id")
_TRANSFER = text("""
SELECT t.id, t.account_key, t.account_last4, t.day, t.serial_number, t.amount_fen, s.unit_id, s.imported_by,
    s.file_sha256, s.state
FROM bank_transfer t JOIN bank_statement s ON s.id = t.statement_id
WHERE t.id = :transfer AND s.id = :statement AND t.amount_fen > 0
""")


async def prove_by_export(
    session: WriteSession, statement: Row[Any], transfers: Collection[UUID], *, now: datetime
) -> int:
    """`transfers` had come with an earlier file and stand in this statement too, to the fen and from the same payer: of
    those that another person had brought, of an account that both files say, it is the second export. Returns how many.
    """
    return await _prove(session, transfers, "second_export", statement.file_sha256, statement.imported_by, now=now)


async def prove_by_receipt(
    session: WriteSession,
    *,
    keys: Keys,
    actor: Actor,
    statement_id: UUID,
    transfer_id: UUID,
    receipt: BankReceipt,
    now: datetime,
) -> None:
    """Another person than the importer brings the bank's electronic receipt, which agrees in account, day, number and
    amount. Raises NotFound out of the actor's reach, SamePerson, EvidenceUnknown, ReceiptDiffers, AlreadyProven.
    """
    day = clock.business_day(now)
    units = await visible_unit_ids(session, actor, Permission.BANK_IMPORT, day)
    found = await session.execute(_TRANSFER, {"transfer": transfer_id, "statement": statement_id})
    transfer = found.one_or_none()
    if transfer is None or (units is not None and transfer.unit_id not in units):
        raise NotFound("没有这笔到账。")
    if transfer.imported_by == actor.user_id:
        raise SamePerson("回单要由导入流水以外的同事上传。")
    await cited(session, actor, receipt.sha256, field="sha256", day=day)
    if wrong := _differs(keys, transfer, receipt):
        raise ReceiptDiffers("请核对回单；若流水写错了，请撤销匹配并向银行核实。", wrong)
    if not await _prove(session, [transfer_id], "receipt", receipt.sha256, actor.user_id, now=now):
        raise AlreadyProven("不需要再上传。")


async def _prove(
    session: WriteSession, transfers: Collection[UUID], kind: str, sha256: str, brought_by: UUID, *, now: datetime
) -> int:
    """Insert what proves, and lift what its shares' credit stands on. Returns how many are proven by it."""
    if not transfers:
        return 0
    await session.execute(_LOCK, {"transfers": sorted(transfers)})
    facts = {"transfers": sorted(transfers), "kind": kind, "sha": sha256, "brought_by": brought_by, "now": now}
    proofs = {row.transfer_id: row.id for row in await session.execute(_PROVE, facts)}
    if not proofs:
        return 0
    changes = [
        Change("bank.prove", f"bank_transfer:{one}", None, {"kind": kind, "sha256": sha256}) for one in sorted(proofs)
    ]
    await record_changes(session, changes, actor_id=brought_by, now=now)
    matches = (await session.execute(_SHARES, {"transfers": sorted(proofs)})).all()
    if matches:
        of_share = {row.payer_share_id: proofs[row.transfer_id] for row in matches}
        await lock_shares(session, sorted(of_share))
        # No match comes or goes meanwhile: `_LOCK` holds their transfers.
        less: dict[UUID, int] = {}
        for row in matches:
            less[row.payer_share_id] = less.get(row.payer_share_id, 0) + row.amount_fen
        shares = await pay_shares(session, [ShareChange(share, unproven_fen=-fen) for share, fen in less.items()])
        proven = [row for row in shares if row.proven and row.paid_fen >= row.due_fen]
        await _lift(session, proven, of_share, sha256, now)
    return len(proofs)


async def _lift(
    session: WriteSession, shares: list[Row[Any]], proof_of: dict[UUID, UUID], sha256: str, now: datetime
) -> None:
    """All that was paid for these shares is the bank's record now: grade A. Amount and day stay."""
    components = await owned_components(session, [row for row in shares if row.payer_kind != "person"])
    for row in shares:
        if row.payer_kind == "person":
            components[row.id] = list((await session.scalars(_OF_ORDER, {"order": row.order_id})).all())
    for share_id in sorted(components):
        await lift(
            session,
            component_ids=components[share_id],
            to="A",
            cause_id=proof_of[share_id],
            evidence_sha256=sha256,
            occurred_on=clock.business_day(now),
            now=now,
        )


def _differs(keys: Keys, transfer: Row[Any], receipt: BankReceipt) -> list[Detail]:
    said = []
    if receipt.sha256 == transfer.file_sha256:
        said.append(("sha256", "这是那份流水本身，不是银行的回单"))
    if not _same_account(keys, transfer, receipt.account):
        said.append(("account", "收款账号不是这个账户"))
    if receipt.day != transfer.day:
        said.append(("day", f"到账日期是 {transfer.day}"))
    if plain(receipt.serial_number) != plain(transfer.serial_number):
        said.append(("serial_number", f"流水号是 {transfer.serial_number}"))
    if receipt.amount_fen != transfer.amount_fen:
        said.append(("amount_fen", "金额不同"))
    return [Detail(f"/{field}", "differs", words) for field, words in said]


def _same_account(keys: Keys, transfer: Row[Any], account: str) -> bool:
    """By the whole number where the statement said it, else by its last four digits; where it said nothing, any."""
    if not transfer.account_key.startswith("desk:"):
        return bool(account_digest(keys, account) == transfer.account_key)
    return transfer.account_last4 is None or plain(account)[-4:] == transfer.account_last4
