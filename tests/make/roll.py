"""A purchase whose goods have come, so that its roll can be signed."""

from sqlalchemy import text

from tests.make.bulk import Desk, Plan, a_desk, a_plan

STATE = text("UPDATE bulk_purchase SET state = :state WHERE id = :id")


async def come(plan: Plan, state: str = "accepted") -> Plan:
    """As if it had been ordered, shipped and accepted: the roll looks at nothing else of it."""
    async with plan.desk.database.transaction() as session:
        await session.execute(STATE, {"id": plan.id, "state": state})
    return plan


async def a_roll(desk: Desk, *, departments: int = 2, state: str = "accepted", **changes: object) -> Plan:
    """Members have staff numbers S1, S2 … by position, spread over departments of their branch."""
    plan = await a_plan(desk.database, desk=desk, state="draft", **changes)
    async with desk.database.transaction() as session:
        await session.execute(
            text("""
            UPDATE bulk_member SET staff_number = 'S' || position,
                department = '部门' || (position / 2 % :departments + 1)
            WHERE purchase_id = :id
            """),
            {"id": plan.id, "departments": departments},
        )
    return await come(plan, state)


__all__ = ["a_desk", "a_roll", "come"]
