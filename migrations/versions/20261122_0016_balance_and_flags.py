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
    sa.Column('differences', sa.Integer(), nullable=False),
    sa.Column('unsealed', sa.BigInteger(), nullable=False),
    sa.Column('requested_by', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['requested_by'], ['user_account.id'], name=op.f('fk_balance_run_requested_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_balance_run'))
    )
    op.create_index('ix_balance_run_at', 'balance_run', ['balanced_at'], unique=False)
    op.create_table('balance_difference',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('measure', sa.String(), nullable=False),
    sa.Column('said', sa.String(), nullable=False),
    sa.Column('owner', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('first_run_id', sa.Uuid(), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_run_id', sa.Uuid(), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_run_id', sa.Uuid(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(closed_at IS NULL) = (closed_run_id IS NULL)", name=op.f('ck_balance_difference_closed_by_a_run')),
    sa.CheckConstraint("measure IN ('fen', 'pieces', 'entries')", name=op.f('ck_balance_difference_measure_known')),
    sa.CheckConstraint("owner IN ('payments_desk', 'staff', 'supplier', 'platform')", name=op.f('ck_balance_difference_owner_known')),
    sa.ForeignKeyConstraint(['closed_run_id'], ['balance_run.id'], name=op.f('fk_balance_difference_closed_run_id')),
    sa.ForeignKeyConstraint(['first_run_id'], ['balance_run.id'], name=op.f('fk_balance_difference_first_run_id')),
    sa.ForeignKeyConstraint(['last_run_id'], ['balance_run.id'], name=op.f('fk_balance_difference_last_run_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_balance_difference'))
    )
    op.create_index('ix_balance_difference_seen', 'balance_difference', ['first_seen_at', 'id'], unique=False)
    op.create_index('uq_balance_difference_open', 'balance_difference', ['code', 'subject'], unique=True, postgresql_where=sa.text('closed_at IS NULL'))
    op.create_table('flag_threshold',
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint("kind IN ('split_below_tier', 'related_buyer', 'spike_refunded', 'price_jump', 'shared_phone', 'round_numbers', 'far_origin', 'invoice_repeated', 'roll_unsigned')", name=op.f('ck_flag_threshold_kind_known')),
    sa.CheckConstraint('value >= 0', name=op.f('ck_flag_threshold_not_negative')),
    sa.PrimaryKeyConstraint('kind', 'name', 'valid_from', name=op.f('pk_flag_threshold'))
    )
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
    sa.Column('xid', TransactionId(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
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
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_flag_review_proposed_by')),
    sa.PrimaryKeyConstraint('flag_id', name=op.f('pk_flag_review')),
    sa.UniqueConstraint('flag_id', 'proposed_by', name=op.f('uq_flag_review_flag_id_proposed_by'))
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
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_flag_decision_decided_by')),
    sa.ForeignKeyConstraint(['flag_id', 'proposed_by'], ['flag_review.flag_id', 'flag_review.proposed_by'], name=op.f('fk_flag_decision_flag_id_proposed_by')),
    sa.PrimaryKeyConstraint('flag_id', name=op.f('pk_flag_decision'))
    )
    op.create_table('rectification',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('flag_id', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('opened_by', sa.Uuid(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_by', sa.Uuid(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closing', sa.String(), nullable=True),
    sa.Column('evidence_sha256', sa.String(), nullable=True),
    sa.CheckConstraint("(state = 'closed') = (closed_by IS NOT NULL AND closed_at IS NOT NULL AND evidence_sha256 IS NOT NULL)", name=op.f('ck_rectification_closed_with_evidence')),
    sa.CheckConstraint("closed_by <> owner_id", name=op.f('ck_rectification_another_person')),
    sa.CheckConstraint("state IN ('open', 'closed')", name=op.f('ck_rectification_state_known')),
    sa.ForeignKeyConstraint(['closed_by'], ['user_account.id'], name=op.f('fk_rectification_closed_by')),
    sa.ForeignKeyConstraint(['evidence_sha256'], ['evidence.sha256'], name=op.f('fk_rectification_evidence_sha256')),
    sa.ForeignKeyConstraint(['flag_id'], ['flag_decision.flag_id'], name=op.f('fk_rectification_flag_id')),
    sa.ForeignKeyConstraint(['opened_by'], ['user_account.id'], name=op.f('fk_rectification_opened_by')),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], name=op.f('fk_rectification_owner_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rectification')),
    sa.UniqueConstraint('flag_id', name=op.f('uq_rectification_flag_id'))
    )
    op.create_index('ix_rectification_open', 'rectification', ['due_on'], unique=False, postgresql_where=sa.text("state = 'open'"))
