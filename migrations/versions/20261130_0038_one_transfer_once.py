"""one transfer is counted once, however two files write its number; so is one sale of another channel"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0038'
down_revision = '20261130_0036'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_bank_transfer_amount', 'bank_transfer', ['amount_fen', 'day'])
    same = sa.text("ltrim(upper(normalize(external_number, NFKC)), '0')")
    op.create_index('ix_outside_sale_same', 'outside_sale', ['channel_code', same])
    op.create_index('ix_intake_claim_same', 'intake_claim', ['channel_code', same])
