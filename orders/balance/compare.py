"""Compare everything of one moment: order lines, payments and refunds, credit and funds; then ask the provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import text

from orders.balance.ask import CODES, ask, to_ask
from orders.balance.difference import Difference, of_law
from orders.balance.identity import KEYS_NAMED, Identity, apart_by_key, identities
from orders.balance.open_items import open_items
from orders.credit.check import years_apart
from orders.funds.prove import Proof, prove
from shop.adapters.stripe.gateway import DisputeSeen, PaymentGateway, RefundSeen
from shop.core.database import Database

SEALED_WITHIN = timedelta(days=1)
_UNSEALED = text("""
SELECT count(*) AS entries, min(recorded_at) AS oldest FROM credit_entry e
WHERE NOT EXISTS (SELECT FROM seal_member m WHERE m.period_month = e.period_month AND m.entry_id = e.id)
""")


@dataclass(frozen=True, slots=True)
class Compared:
    """What was found at `at`. unsure: codes of which not everything was seen, so that none of them is healed.

    open_items: what waits for people; named beside the differences, and no reason not to hold. news, disputes: what
    the provider said of refunds that our books do not know yet, and of disputes.
    """

    at: datetime
    identities: list[Identity]
    differences: list[Difference]
    unsure: frozenset[str]
    unsealed: int
    open_items: list[Difference]
    news: list[RefundSeen]
    disputes: list[DisputeSeen]

    @property
    def holds(self) -> bool:
        return not self.differences

    def identities_json(self) -> list[dict[str, Any]]:
        return [
            {
                "code": one.code,
                "measure": one.measure,
                "left": dict(one.left),
                "right": dict(one.right),
                "difference": one.difference,
                "apart": one.apart,
                "holds": one.holds,
            }
            for one in self.identities
        ]


async def compare(database: Database, gateway: PaymentGateway, *, now: datetime) -> Compared:
    """Everything is read of one snapshot; the provider is asked afterwards, outside of any transaction."""
    differences: list[Difference] = []
    unsure: set[str] = set()
    async with database.snapshot() as session:
        found = await identities(session)
        for one in found:
            if not one.holds:
                named = await apart_by_key(session, one.code)
                differences += map(of_law, named)
                unsure |= {one.code} if len(named) >= KEYS_NAMED else set()
        differences += [*_of_funds(await prove(session)), *_of_years(await years_apart(session))]
        waiting = await open_items(session, now=now)
        unsealed = (await session.execute(_UNSEALED)).one()
        asked = await to_ask(session, now=now)
    if unsealed.oldest and unsealed.oldest < now - SEALED_WITHIN:
        differences.append(_late_seal(unsealed.entries))
    answered = await ask(gateway, asked, now=now)
    unsure |= set(CODES) if any(one.code == "provider_silent" for one in answered.differences) else set()
    return Compared(
        now,
        found,
        [*differences, *answered.differences],
        frozenset(unsure),
        unsealed.entries,
        waiting,
        answered.news,
        answered.disputes,
    )


def _of_funds(proof: Proof) -> list[Difference]:
    owner: Literal["platform"] = "platform"
    return [
        Difference(
            "funds", f"funds:{subject}", fen, f"资金账户 {subject} 的余额与它的流水相差 {fen} 分", owner,
            "账户余额、占用或挂账与流水不一致，请以流水为准查明",
        )
        for subject, fen in proof.apart
    ]  # fmt: skip


def _of_years(rows: int) -> list[Difference]:
    said = f"年汇总有 {rows} 行不等于各月之和"
    reason = "年汇总与月汇总由同一条语句写入，请以月汇总重建"
    return [Difference("rollup_years", "rollup:years", rows, said, "platform", reason, "entries")] if rows else []


def _late_seal(entries: int) -> Difference:
    return Difference(
        "unsealed",
        "seal:late",
        entries,
        f"有 {entries} 条台账记录超过一天没有封存",
        "platform",
        "封存任务没有运行，请检查后台任务与签名密钥",
        "entries",
    )
