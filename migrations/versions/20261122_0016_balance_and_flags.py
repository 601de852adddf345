"""balance runs and flags"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = '20261122_0016'
down_revision = '20261122_0015'
branch_labels = None
depends_on = None


class TransactionId(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return 'xid8'


def upgrade() -> None:
    op.create_table('balance_run',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('balanced_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('holds', sa.Boolean(), nullable=False),
    sa.Column('identities', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_balance_run'))
    )
    op.create_index('ix_balance_run_at', 'balance_run', ['balanced_at'], unique=False)
    op.create_table('flag',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('raised_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('xid', TransactionId(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("kind IN ('split_below_tier', 'related_buyer', 'spike_refunded', 'price_jump', 'shared_phone', 'round_numbers', 'far_origin', 'invoice_repeated', 'roll_unsigned')", name=op.f('ck_flag_kind_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_flag')),
    sa.UniqueConstraint('kind', 'subject', name=op.f('uq_flag_kind_subject'))
    )
    op.create_index('ix_flag_unit', 'flag', ['unit_id', 'raised_at'], unique=False)
    op.create_table('flag_line',
    sa.Column('flag_id', sa.Uuid(), nullable=False),
    sa.Column('order_line_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['flag_id'], ['flag.id'], name=op.f('fk_flag_line_flag_id')),
    sa.PrimaryKeyConstraint('flag_id', 'order_line_id', name=op.f('pk_flag_line'))
    )
    op.create_index('ix_flag_line_line', 'flag_line', ['order_line_id'], unique=False)
    op.create_table('flag_review',
    sa.Column('flag_id', sa.Uuid(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("outcome IN ('cleared', 'finding')", name=op.f('ck_flag_review_outcome_known')),
    sa.ForeignKeyConstraint(['flag_id'], ['flag.id'], name=op.f('fk_flag_review_flag_id')),
    sa.PrimaryKeyConstraint('flag_id', name=op.f('pk_flag_review'))
    )
    op.create_table('flag_decision',
    sa.Column('flag_id', sa.Uuid(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('xid', TransactionId(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("outcome IN ('cleared', 'finding')", name=op.f('ck_flag_decision_outcome_known')),
    sa.CheckConstraint('decided_by <> proposed_by', name=op.f('ck_flag_decision_two_people')),
    sa.ForeignKeyConstraint(['flag_id'], ['flag_review.flag_id'], name=op.f('fk_flag_decision_flag_id')),
    sa.PrimaryKeyConstraint('flag_id', name=op.f('pk_flag_decision'))
    )
