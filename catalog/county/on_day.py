"""What a county's code stands for on a day, as SQL: who asks for many goods at once asks it in one statement.

A code that was replaced stands for its successor from that one's first day on, and what was said of it (designations,
pairings) is the successor's too (DOMAIN rule 26). A code that was divided stands for the lowest of its heirs until the
product says which one grew it; each heir has what the divided one had. What is sold under a code that came later is
that code's, with what the codes before it had on the day.

What is put in is the caller's SQL: aliases are whole words here, so that none of his is taken for one of ours.
"""

from shop.core.window import in_force


def origin_on(code: str, day: str) -> str:
    """SQL of one row; of none for a code that nobody knows. code, day: SQL of a text and of a date.

    (code, name, province, is_in_force, designations text[], designated_once, pairing_unit_ids uuid[]); designated_once:
    as something that has ended by then.
    """
    return f"""
SELECT known.code, known.name, known.province, known.is_in_force,
    coalesce((SELECT array_agg(DISTINCT said.kind ORDER BY said.kind) FROM designation said
        WHERE said.county_code = ANY(lineage.codes) AND {in_force("said", day, unknown=True)}), '{{}}')
        AS designations,
    EXISTS (SELECT FROM designation said WHERE said.county_code = ANY(lineage.codes) AND said.valid_to <= {day})
        AS designated_once,
    coalesce((SELECT array_agg(DISTINCT paired.unit_id) FROM pairing paired
        WHERE paired.county_code = ANY(lineage.codes) AND {in_force("paired", day)}), '{{}}') AS pairing_unit_ids
FROM ({today_of(code, day)}) known
CROSS JOIN LATERAL (SELECT ARRAY({codes_before("known.code", day)}) AS codes) lineage
"""  # noqa: S608  # expressions of our own


def today_of(code: str, day: str) -> str:
    """SQL of one row of `county` with `is_in_force`: the code while it is, else the lowest of its heirs that is, else
    the code itself all the same.
    """
    return f"""
WITH RECURSIVE onward(asked, code) AS (
    SELECT CAST({code} AS varchar), CAST({code} AS varchar)
    UNION SELECT onward.asked, heir.successor_code FROM onward
        JOIN county_successor heir ON heir.code = onward.code WHERE heir.valid_from <= {day}
)
SELECT here.*, {in_force("here", day, unknown=True)} AS is_in_force
FROM onward JOIN county here ON here.code = onward.code
ORDER BY is_in_force DESC, here.code = onward.asked DESC, here.code LIMIT 1"""  # noqa: S608  # as above


def codes_before(code: str, day: str) -> str:
    """SQL of rows: the code, and each that it stood for by that day."""
    return f"""
WITH RECURSIVE before(code) AS (
    SELECT CAST({code} AS varchar)
    UNION SELECT older.code FROM before
        JOIN county_successor older ON older.successor_code = before.code WHERE older.valid_from <= {day}
)
SELECT code FROM before"""  # noqa: S608  # as above
