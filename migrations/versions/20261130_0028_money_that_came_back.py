"""refunds and pay-backs of ours that the bank could not deliver"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0028'
down_revision = '20261130_0027'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT IF EXISTS ck_bank_transfer_state_known,
    ADD CONSTRAINT ck_bank_transfer_state_known CHECK (state IN ('queued', 'proposed', 'matched', 'taken_back', 'set_aside', 'came_back'))""")
    op.create_table('came_back',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('refund_id', sa.Uuid(), nullable=True),
    sa.Column('paid_back_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('settled_day', sa.Date(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('proposed', 'confirmed', 'rejected', 'undone')", name=op.f('ck_came_back_state_known')),
    sa.CheckConstraint('num_nonnulls(refund_id, paid_back_id) = 1', name=op.f('ck_came_back_of_one_thing')),
    sa.CheckConstraint('decided_by <> proposed_by', name=op.f('ck_came_back_two_people')),
    sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_came_back_decided_by_somebody')),
    sa.ForeignKeyConstraint(['transfer_id'], ['bank_transfer.id'], name=op.f('fk_came_back_transfer_id_bank_transfer')),
    sa.ForeignKeyConstraint(['refund_id'], ['refund.id'], name=op.f('fk_came_back_refund_id_refund')),
    sa.ForeignKeyConstraint(['paid_back_id'], ['paid_back.id'], name=op.f('fk_came_back_paid_back_id_paid_back')),
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_came_back_proposed_by_user_account')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_came_back_decided_by_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_came_back'))
    )
    op.create_index('uq_came_back_transfer', 'came_back', ['transfer_id'], unique=True, postgresql_where=sa.text("state NOT IN ('rejected', 'undone')"))
    op.create_index('uq_came_back_refund', 'came_back', ['refund_id'], unique=True, postgresql_where=sa.text("refund_id IS NOT NULL AND state NOT IN ('rejected', 'undone')"))
    op.create_index('uq_came_back_paid_back', 'came_back', ['paid_back_id'], unique=True, postgresql_where=sa.text("paid_back_id IS NOT NULL AND state NOT IN ('rejected', 'undone')"))
