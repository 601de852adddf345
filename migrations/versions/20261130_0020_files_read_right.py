"""files read right: rows set aside, a bank's row named by account and day, matches that can be undone, mapped layouts"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261130_0020'
down_revision = '20261122_0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Desks' tables: small, and nobody waits for them while a shop is upgraded.
    for statement in (
        """ALTER TABLE intake_batch ADD COLUMN acknowledged_columns text[] NOT NULL DEFAULT ARRAY[]::text[]""",
        # The release before this one writes whole rows, without a default.
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE intake_row DROP CONSTRAINT ck_intake_row_read_whole,
    ADD COLUMN asked jsonb DEFAULT '[]',
    ADD COLUMN why varchar,
    ADD CONSTRAINT ck_intake_row_read_whole
        CHECK (state = 'wrong' OR why IS NOT NULL OR (day IS NOT NULL AND unit_id IS NOT NULL)),
    ADD CONSTRAINT ck_intake_row_set_aside_with_a_reason CHECK (why IS NULL OR state = 'set_aside'),
    ADD CONSTRAINT ck_intake_row_why_known
        CHECK (why IN ('closed', 'unpaid', 'refunded', 'total', 'ruler', 'note', 'summary'))""",
        """ALTER TABLE recipient_import ADD COLUMN notes jsonb NOT NULL DEFAULT '{}'""",
        """ALTER TABLE bank_statement
    ADD COLUMN rows_read integer NOT NULL DEFAULT 0,
    ADD COLUMN set_aside jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN acknowledged_columns text[] NOT NULL DEFAULT ARRAY[]::text[]""",
        """UPDATE bank_statement SET rows_read = incoming""",
        # Which account of ours an earlier row came to was never kept: it is known by its desk.
        """ALTER TABLE bank_transfer ADD COLUMN account_key varchar, ADD COLUMN conflicts_with_id uuid""",
        """UPDATE bank_transfer t SET account_key = 'desk:' || coalesce(s.unit_id::text, 'shop')
FROM bank_statement s WHERE s.id = t.statement_id""",
        """-- squawk-ignore adding-not-nullable-field
ALTER TABLE bank_transfer ALTER COLUMN account_key SET NOT NULL,
    ADD CONSTRAINT fk_bank_transfer_conflicts_with_id FOREIGN KEY (conflicts_with_id) REFERENCES bank_transfer (id)""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT uq_bank_transfer_bank_serial_number""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT ck_bank_transfer_moves_something,
    ADD CONSTRAINT ck_bank_transfer_moves_something CHECK (amount_fen <> 0)""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE bank_transfer DROP CONSTRAINT ck_bank_transfer_state_known,
    ADD CONSTRAINT ck_bank_transfer_state_known CHECK (state IN ('queued', 'proposed', 'matched', 'taken_back'))""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_bank_transfer_named ON bank_transfer (account_key, day, serial_number)
    WHERE conflicts_with_id IS NULL AND amount_fen > 0""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX uq_bank_transfer_taken_back ON bank_transfer (account_key, day, serial_number, amount_fen)
    WHERE amount_fen < 0""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_bank_transfer_serial_number ON bank_transfer (serial_number, day)""",
        """-- squawk-ignore require-concurrent-index-deletion
DROP INDEX ix_bank_transfer_open""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_bank_transfer_open ON bank_transfer (day, id) WHERE state IN ('queued', 'proposed')""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE transfer_match DROP CONSTRAINT pk_transfer_match,
    ADD COLUMN round smallint NOT NULL DEFAULT 1,
    ADD CONSTRAINT pk_transfer_match PRIMARY KEY (transfer_id, payer_share_id, round)""",
        # What was paid back, and is then taken back by the bank as well, its payer owes.
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE payer_share DROP CONSTRAINT ck_payer_share_not_negative,
    ADD CONSTRAINT ck_payer_share_not_negative CHECK (due_fen >= 0) NOT VALID""",
    ):
        op.execute(statement)
    op.create_table('match_undoing',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('receipt_id', sa.Uuid(), nullable=False),
    sa.Column('reversal_id', sa.Uuid(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('settled_day', sa.Date(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_match_undoing_decided_by_somebody')),
    sa.CheckConstraint("state IN ('proposed', 'confirmed', 'rejected')", name=op.f('ck_match_undoing_state_known')),
    sa.CheckConstraint('decided_by <> proposed_by', name=op.f('ck_match_undoing_two_people')),
    sa.CheckConstraint('reversal_id <> receipt_id', name=op.f('ck_match_undoing_two_rows')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_match_undoing_decided_by')),
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_match_undoing_proposed_by')),
    sa.ForeignKeyConstraint(['receipt_id'], ['bank_transfer.id'], name=op.f('fk_match_undoing_receipt_id')),
    sa.ForeignKeyConstraint(['reversal_id'], ['bank_transfer.id'], name=op.f('fk_match_undoing_reversal_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_match_undoing')),
    sa.UniqueConstraint('id', 'receipt_id', name=op.f('uq_match_undoing_id_receipt_id'))
    )
    op.create_index('uq_match_undoing_open', 'match_undoing', ['receipt_id'], unique=True, postgresql_where="state = 'proposed'")
    op.create_index('uq_match_undoing_reversal', 'match_undoing', ['reversal_id'], unique=True, postgresql_where="reversal_id IS NOT NULL AND state <> 'rejected'")
    op.create_index('uq_match_undoing_taken_back', 'match_undoing', ['receipt_id'], unique=True, postgresql_where="reversal_id IS NOT NULL AND state = 'confirmed'")
    op.create_table('transfer_unmatch',
    sa.Column('transfer_id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=False),
    sa.Column('round', sa.SmallInteger(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('undoing_id', sa.Uuid(), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_transfer_unmatch_moves_something')),
    sa.ForeignKeyConstraint(['transfer_id', 'payer_share_id', 'round'], ['transfer_match.transfer_id', 'transfer_match.payer_share_id', 'transfer_match.round'], name=op.f('fk_transfer_unmatch_transfer_id_payer_share_id_round')),
    sa.ForeignKeyConstraint(['undoing_id', 'transfer_id'], ['match_undoing.id', 'match_undoing.receipt_id'], name=op.f('fk_transfer_unmatch_undoing_id_transfer_id')),
    sa.PrimaryKeyConstraint('transfer_id', 'payer_share_id', 'round', name=op.f('pk_transfer_unmatch'))
    )
    op.create_index('ix_transfer_unmatch_share', 'transfer_unmatch', ['payer_share_id'], unique=False)
    op.create_table('bank_layout',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=True),
    sa.Column('columns', postgresql.JSONB(), nullable=False),
    sa.Column('ignored', postgresql.ARRAY(sa.Text()), nullable=False),
    sa.Column('sample_sha256', sa.String(), nullable=True),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'proposed') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_bank_layout_decided_by_somebody')),
    sa.CheckConstraint("state IN ('proposed', 'confirmed', 'rejected', 'ended')", name=op.f('ck_bank_layout_state_known')),
    sa.CheckConstraint('decided_by <> proposed_by', name=op.f('ck_bank_layout_two_people')),
    sa.CheckConstraint('valid_to > valid_from', name=op.f('ck_bank_layout_half_open')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_bank_layout_decided_by')),
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_bank_layout_proposed_by')),
    sa.ForeignKeyConstraint(['sample_sha256'], ['evidence.sha256'], name=op.f('fk_bank_layout_sample_sha256')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_bank_layout_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_layout'))
    )
