"""money and goods that turn back"""

from alembic import op

revision = '20261130_0023'
down_revision = '20261122_0019'
branch_labels = None
depends_on = None

ENTRY_KINDS = "'sale', 'refund', 'reversal', 'repost', 'regrade_out', 'regrade_in', 'refund_undone', 'payment_undone'"


def widen(table: str, **checks: str) -> None:
    """Checks that allow more than before, in the place of the old ones: one statement, one look at the rows."""
    dropped = ', '.join(f'DROP CONSTRAINT IF EXISTS ck_{table}_{name}' for name in checks)
    added = ', '.join(f'ADD CONSTRAINT ck_{table}_{name} CHECK ({check})' for name, check in checks.items())
    op.execute(f'-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} {dropped}, {added}')


def upgrade() -> None:
    widen(
        'credit_entry',
        kind_known=f'kind IN ({ENTRY_KINDS})',
        taken_back_is_negative="kind NOT IN ('refund', 'reversal', 'regrade_out', 'payment_undone') OR (amount_fen <= 0 AND grams <= 0)",
        put_again_is_positive="kind NOT IN ('repost', 'regrade_in', 'refund_undone') OR (amount_fen >= 0 AND grams >= 0)",
        undone_says_what="kind <> 'refund_undone' OR reverses_id IS NOT NULL",
    )
