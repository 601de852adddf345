"""A random history of everything that moves money, through the real verbs and the real webhook door."""

import random
from contextlib import suppress

from orders.aftersales.refund import RefundExceeds
from orders.checkout.expire import expire
from shop.core import clock
from shop.core.database import Database
from tests.make.aftersales import pieces, refund, staff
from tests.make.payments import till
from tests.make.shop import buyer, placed, small_shop


async def a_history(database: Database, seed: int, *, turns: int = 10) -> None:
    """Orders paid, refunded by pieces and by amount, paid late, paid wrongly, open and expired."""
    chance = random.Random(seed)
    shop = await small_shop(database, pieces=4 * turns)
    async with till(database) as desk:
        clerk = await staff(desk, shop.bank)
        people = [
            await buyer(database, works_at=shop.branch),
            await buyer(database, introduced_by=shop.bank),
            await buyer(database),
        ]
        for turn in range(turns):
            who = chance.choice(people)
            goods = dict.fromkeys(chance.sample([*shop.skus, shop.box], chance.randint(1, 3)), chance.randint(1, 3))
            order = await placed(database, who, goods)
            match turn % 4:
                case 1:
                    opened = await desk.open(who, order.id)
                    await desk.sandbox.succeed(opened.payment_id, amount_fen=order.total_fen + 1)
                case 2:
                    opened = await desk.open(who, order.id)
                    async with database.transaction() as session:
                        await expire(session, now=clock.now() + clock.timedelta(hours=1))
                    await desk.sandbox.succeed(opened.payment_id)
                case _:
                    opened = await desk.open(who, order.id)
                    await desk.sandbox.succeed(opened.payment_id)
            await desk.work()
            if turn % 4 in {0, 3} and who is not people[2]:
                line = chance.randrange(len(order.lines))
                await refund(desk, clerk, order.id, **pieces(order, line, 1))
                with suppress(RefundExceeds):  # nothing may be left of that line
                    await refund(desk, clerk, order.id, amount_fen=chance.randint(1, 400), line_id=order.lines[0].id)
                await desk.work()
        await placed(database, people[0], {shop.box: 1})  # waits for its money
