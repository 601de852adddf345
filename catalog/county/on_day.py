"""What a county's code stands for on a day, as SQL: who asks for many goods at once asks it in one statement.

A code that was replaced stands for its successor from that one's first day on, and what was said of it (designations,
pairings) is the successor's too (DOMAIN rule 26). A code that was divided stands for the lowest of its heirs until the
product says which one grew it; each heir has what the divided one had. What is sold under a code that came later is
that code's, with what the codes before it had on the day.
"""

from shop.core.window import in_force


def origin_on(code: str, day: str) -> str:
    """SQL of one row; of none for a code that nobody knows. code, day: SQL of a text and of a date.

    (code, name, province, is_in_force, designations text[], designated_once, pairing_unit_ids uuid[]); designated_once:
    as something that has ended by then.
    """
    return f"""
SELECT k.code, k.name, k.province, k.is_in_force,
    coalesce((SELECT array_agg(DISTINCT d.kind ORDER BY d.kind) FROM designation d
        WHERE d.county_code = ANY(l.codes) AND {in_force("d", day, unknown=True)}), '{{}}') AS designations,
    EXISTS (SELECT FROM designation d WHERE d.county_code = ANY(l.codes) AND d.valid_to <= {day}) AS designated_once,
    coalesce((SELECT array_agg(DISTINCT a.unit_id) FROM pairing a
        WHERE a.county_code = ANY(l.codes) AND {in_force("a", day)}), '{{}}') AS pairing_unit_ids
FROM ({today_of(code, day)}) k CROSS JOIN LATERAL (SELECT ARRAY({codes_before("k.code", day)}) AS codes) l
"""  # noqa: S608  # expressions of our own


def today_of(code: str, day: str) -> str:
    """SQL of one row of `county` with `is_in_force`: the code while it is, else the lowest of its heirs that is, else
    the code itself all the same.
    """
    return f"""
WITH RECURSIVE onward(code) AS (
    SELECT CAST({code} AS varchar)
    UNION SELECT s.successor_code FROM onward o JOIN county_successor s ON s.code = o.code WHERE s.valid_from <= {day}
)
SELECT c.*, {in_force("c", day, unknown=True)} AS is_in_force FROM onward o JOIN county c ON c.code = o.code
ORDER BY is_in_force DESC, c.code = {code} DESC, c.code LIMIT 1"""  # noqa: S608  # as above


def codes_before(code: str, day: str) -> str:
    """SQL of rows: the code, and each that it stood for by that day."""
    return f"""
WITH RECURSIVE before(code) AS (
    SELECT CAST({code} AS varchar)
    UNION SELECT s.code FROM before b JOIN county_successor s ON s.successor_code = b.code WHERE s.valid_from <= {day}
)
SELECT code FROM before"""  # noqa: S608  # as above
