"""a bank transfer of ours proves one return; a dashboard's refund of several orders; wrong reversals are undone"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0039'
down_revision = '20261130_0038'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sent_transfer',
    sa.Column('company_id', sa.Uuid(), nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('bank_reference', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['recorded_by'], ['user_account.id'], name=op.f('fk_sent_transfer_recorded_by_user_account')),
    sa.PrimaryKeyConstraint('company_id', 'day', 'bank_reference', name=op.f('pk_sent_transfer')),
    sa.UniqueConstraint('subject', name=op.f('uq_sent_transfer_subject'))
    )
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE paid_back DROP CONSTRAINT IF EXISTS uq_paid_back_bank_reference""")
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE refund DROP CONSTRAINT IF EXISTS uq_refund_provider_refund_id""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_refund_provider_refund_id ON refund (provider_refund_id)""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_refund_provider_refund_id ON refund (provider_refund_id)
    WHERE kind <> 'adopted' AND provider_refund_id NOT LIKE 'bank:%'""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_refund_adopted ON refund (provider_refund_id, payment_id) WHERE kind = 'adopted'""")
    op.add_column('match_undoing', sa.Column('undoes_id', sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f('fk_match_undoing_undoes_id_match_undoing'), 'match_undoing', 'match_undoing', ['undoes_id'], ['id'])
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE match_undoing DROP CONSTRAINT IF EXISTS ck_match_undoing_state_known,
    ADD CONSTRAINT ck_match_undoing_state_known CHECK (state IN ('proposed', 'confirmed', 'rejected', 'undone')),
    ADD CONSTRAINT ck_match_undoing_one_thing CHECK (undoes_id IS NULL OR reversal_id IS NULL)""")
    op.execute("""-- squawk-ignore require-concurrent-index-deletion
DROP INDEX IF EXISTS uq_match_undoing_reversal""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_match_undoing_reversal ON match_undoing (reversal_id)
    WHERE reversal_id IS NOT NULL AND state NOT IN ('rejected', 'undone')""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_match_undoing_undoes ON match_undoing (undoes_id)
    WHERE undoes_id IS NOT NULL AND state <> 'rejected'""")
    # Two that two people had confirmed at once under one name: the later one is read by, as its proposers meant.
    op.execute("""UPDATE bank_layout b SET state = 'ended' WHERE state = 'confirmed' AND valid_to IS NULL AND EXISTS (
    SELECT FROM bank_layout n WHERE n.name = b.name AND n.unit_id IS NOT DISTINCT FROM b.unit_id
        AND n.state = 'confirmed' AND n.valid_to IS NULL AND (n.decided_at, n.id) > (b.decided_at, b.id))""")
    op.execute("""-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_bank_layout_in_force ON bank_layout (name, unit_id) NULLS NOT DISTINCT
    WHERE state = 'confirmed' AND valid_to IS NULL""")
