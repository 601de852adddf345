"""Who drove ends some time after the goods were sent, or counted."""

from sqlalchemy import text

from shop.core.database import WriteSession
from shop.core.erase import Ended, erase

_DRIVERS = text("""
WITH vans AS (
    UPDATE dispatch SET truck_driver = NULL, truck_plate = ''
    WHERE parcel_id IN (SELECT parcel_id FROM dispatch WHERE sent_at < :before
        AND (truck_driver IS NOT NULL OR truck_plate <> '') LIMIT :most) RETURNING 1
), came AS (
    UPDATE acceptance SET truck_driver = NULL, truck_plate = NULL
    WHERE id IN (SELECT id FROM acceptance WHERE recorded_at < :before
        AND (truck_driver IS NOT NULL OR truck_plate IS NOT NULL) LIMIT :most) RETURNING 1
)
SELECT 1 FROM vans UNION ALL SELECT 1 FROM came
""")


async def erase_drivers(session: WriteSession, ended: Ended) -> int:
    """Drivers and number plates, as they were sent and as they came."""
    return await erase(session, _DRIVERS, ended)
