"""masked own accounts are told apart by their last digits; each desk's files are its own"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0029'
down_revision = '20261130_0028'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('bank_transfer', sa.Column('account_last4', sa.String(), nullable=True))
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_statement DROP CONSTRAINT uq_bank_statement_file_sha256""")
    op.create_index('uq_bank_statement_file', 'bank_statement', ['file_sha256', 'unit_id'], unique=True, postgresql_nulls_not_distinct=True)
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE intake_row DROP CONSTRAINT ck_intake_row_why_known,
    ADD CONSTRAINT ck_intake_row_why_known
        CHECK (why IN ('closed', 'pending', 'unpaid', 'refunded', 'total', 'ruler', 'note', 'summary'))""")
