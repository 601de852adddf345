"""filing rounds"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0018'
down_revision = '20261122_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('filing_round',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Integer(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('unit_name', sa.String(), nullable=False),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('opened_by', sa.Uuid(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('month BETWEEN 200001 AND 209912 AND month % 100 BETWEEN 1 AND 12', name=op.f('ck_filing_round_is_a_month')),
    sa.ForeignKeyConstraint(['opened_by'], ['user_account.id'], name=op.f('fk_filing_round_opened_by')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_filing_round_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_filing_round')),
    sa.UniqueConstraint('unit_id', 'month', name=op.f('uq_filing_round_unit_id_month'))
    )
    op.create_table('filing',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('round_id', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('unit_name', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('is_nil', sa.Boolean(), nullable=False),
    sa.Column('direct_purchase_fen', sa.BigInteger(), nullable=False),
    sa.Column('assisted_sale_fen', sa.BigInteger(), nullable=False),
    sa.Column('credited_fen', sa.BigInteger(), nullable=False),
    sa.Column('unverified_fen', sa.BigInteger(), nullable=False),
    sa.Column('not_counted_fen', sa.BigInteger(), nullable=False),
    sa.Column('known_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('report_digest', sa.String(), nullable=True),
    sa.Column('prepared_by', sa.Uuid(), nullable=True),
    sa.Column('prepared_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('signed_by', sa.Uuid(), nullable=True),
    sa.Column('signed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'signed') = (signed_by IS NOT NULL AND signed_at IS NOT NULL)", name=op.f('ck_filing_signed_by_one')),
    sa.CheckConstraint("state IN ('waiting', 'confirmed', 'sent_back', 'signed')", name=op.f('ck_filing_state_known')),
    sa.CheckConstraint("state NOT IN ('confirmed', 'signed') OR (prepared_by IS NOT NULL AND report_digest IS NOT NULL)", name=op.f('ck_filing_prepared_by_one')),
    sa.CheckConstraint('NOT is_nil OR (credited_fen = 0 AND unverified_fen = 0 AND not_counted_fen = 0)', name=op.f('ck_filing_nil_is_nothing')),
    sa.CheckConstraint('credited_fen = direct_purchase_fen + assisted_sale_fen', name=op.f('ck_filing_two_figures')),
    sa.CheckConstraint('signed_by <> prepared_by', name=op.f('ck_filing_another_person')),
    sa.ForeignKeyConstraint(['prepared_by'], ['user_account.id'], name=op.f('fk_filing_prepared_by')),
    sa.ForeignKeyConstraint(['round_id'], ['filing_round.id'], name=op.f('fk_filing_round_id')),
    sa.ForeignKeyConstraint(['signed_by'], ['user_account.id'], name=op.f('fk_filing_signed_by')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_filing_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_filing')),
    sa.UniqueConstraint('round_id', 'unit_id', name=op.f('uq_filing_round_id_unit_id'))
    )
    op.create_index(op.f('ix_filing_unit_id'), 'filing', ['unit_id'], unique=False)
    op.create_table('filing_event',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('filing_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('words', sa.String(), nullable=True),
    sa.Column('report_digest', sa.String(), nullable=True),
    sa.Column('credited_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint("kind IN ('confirmed', 'nil', 'signed', 'sent_back', 'chased')", name=op.f('ck_filing_event_kind_known')),
    sa.ForeignKeyConstraint(['actor_id'], ['user_account.id'], name=op.f('fk_filing_event_actor_id')),
    sa.ForeignKeyConstraint(['filing_id'], ['filing.id'], name=op.f('fk_filing_event_filing_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_filing_event'))
    )
    op.create_index('ix_filing_event_filing', 'filing_event', ['filing_id', 'at'], unique=False)
