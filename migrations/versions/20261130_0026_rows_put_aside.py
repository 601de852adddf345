"""bank rows that are none of ours are put aside; refunds that were given back by another way"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0026'
down_revision = '20261130_0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT IF EXISTS ck_bank_transfer_state_known,
    ADD CONSTRAINT ck_bank_transfer_state_known CHECK (state IN ('queued', 'proposed', 'matched', 'taken_back', 'set_aside'))""")
    op.execute("-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX uq_bank_transfer_taken_back")
    op.create_index('uq_bank_transfer_taken_back', 'bank_transfer', ['account_key', 'day', 'serial_number', 'amount_fen'], unique=True, postgresql_where=sa.text('conflicts_with_id IS NULL AND amount_fen < 0'))
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE desk_decision DROP CONSTRAINT IF EXISTS ck_desk_decision_action_known,
    ADD CONSTRAINT ck_desk_decision_action_known CHECK (action IN ('return', 'keep', 'settle_otherwise', 'adopt', 'given_back'))""")
