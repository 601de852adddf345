"""bank rows that are none of ours are put aside"""

from alembic import op

revision = '20261130_0026'
down_revision = '20261130_0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT IF EXISTS ck_bank_transfer_state_known,
    ADD CONSTRAINT ck_bank_transfer_state_known CHECK (state IN ('queued', 'proposed', 'matched', 'taken_back', 'set_aside'))""")
