"""funds budgets and allowances"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0007'
down_revision = '20261122_0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Under a lock of milliseconds: accounts are few, and a kind that is added is true of every row.
    for statement in (
        """-- squawk-ignore ban-drop-constraint, constraint-missing-not-valid
ALTER TABLE account DROP CONSTRAINT ck_account_kind_known,
    ADD COLUMN balance_fen bigint, ADD COLUMN held_fen bigint,
    ADD CONSTRAINT ck_account_kind_known CHECK (kind IN ('clearing', 'claim', 'advance', 'receivable', 'appropriation', 'union_spent', 'budget', 'encumbrance', 'allowance')),
    ADD CONSTRAINT ck_account_never_below_zero CHECK (balance_fen >= 0 AND held_fen BETWEEN 0 AND balance_fen),
    ADD CONSTRAINT ck_account_guarded_kinds_store_it CHECK ((kind IN ('budget', 'encumbrance', 'allowance'))
        = (balance_fen IS NOT NULL) AND (balance_fen IS NULL) = (held_fen IS NULL))""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_account_allowance_left ON account (id) WHERE kind = 'allowance' AND balance_fen > 0""",
        """-- squawk-ignore ban-drop-constraint, constraint-missing-not-valid
ALTER TABLE transfer DROP CONSTRAINT ck_transfer_kind_known,
    ADD CONSTRAINT ck_transfer_kind_known CHECK (kind IN ('sale', 'advance', 'advance_returned', 'advance_applied', 'payment', 'refund', 'budget_adopted', 'budget_adjusted', 'budget_carried', 'encumbered', 'encumbrance_released', 'encumbrance_spent', 'allowance_granted', 'allowance_spent', 'allowance_refunded', 'allowance_returned'))""",
        """-- squawk-ignore adding-field-with-default, constraint-missing-not-valid
ALTER TABLE refund ADD COLUMN allowance_fen bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT ck_refund_allowance_within CHECK (allowance_fen BETWEEN 0 AND amount_fen)""",
        """-- squawk-ignore ban-drop-constraint, constraint-missing-not-valid
ALTER TABLE payment DROP CONSTRAINT ck_payment_method_known,
    ADD CONSTRAINT ck_payment_method_known CHECK (method IN ('stripe', 'bank_transfer', 'allowance'))""",
    ):
        op.execute(statement)
    op.create_table('funds_proof',
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('proven_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accounts', sa.Integer(), nullable=False),
    sa.Column('transfers', sa.Integer(), nullable=False),
    sa.Column('wrong', postgresql.JSONB(), nullable=False),
    sa.PrimaryKeyConstraint('day', name=op.f('pk_funds_proof'))
    )
    op.create_table('allowance_grant',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('batch_number', sa.String(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('plan_id', sa.Uuid(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('fiscal_year', sa.Integer(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('members', sa.Integer(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('content_sha256', sa.String(), nullable=False),
    sa.Column('granted_by', sa.Uuid(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_by', sa.Uuid(), nullable=True),
    sa.Column('withdrawn_reason', sa.String(), nullable=True),
    sa.CheckConstraint('(withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL) = (withdrawn_reason IS NULL)', name=op.f('ck_allowance_grant_withdrawals_say_why')),
    sa.CheckConstraint('amount_fen > 0 AND members > 0', name=op.f('ck_allowance_grant_grants_something')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_allowance_grant_union_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allowance_grant')),
    sa.UniqueConstraint('union_id', 'batch_number', name=op.f('uq_allowance_grant_union_id_batch_number'))
    )
    op.create_index('ix_allowance_grant_plan', 'allowance_grant', ['plan_id'], unique=False)
    op.create_table('budget_version',
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('fiscal_year', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('change_fen', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('document_sha256', sa.String(), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("change_fen > 0 OR kind IN ('adjusted', 'carried_out')", name=op.f('ck_budget_version_only_these_lower_it')),
    sa.CheckConstraint("document_sha256 ~ '^[0-9a-f]{64}$'", name=op.f('ck_budget_version_document_is_a_digest')),
    sa.CheckConstraint("kind IN ('adopted', 'adjusted', 'carried_in', 'carried_out')", name=op.f('ck_budget_version_kind_known')),
    sa.CheckConstraint('fiscal_year BETWEEN 2000 AND 2999', name=op.f('ck_budget_version_year_in_range')),
    sa.CheckConstraint('version > 0', name=op.f('ck_budget_version_counts_from_one')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_budget_version_union_id')),
    sa.PrimaryKeyConstraint('union_id', 'fiscal_year', 'version', name=op.f('pk_budget_version'))
    )
    op.create_index('uq_budget_version_adopted', 'budget_version', ['union_id', 'fiscal_year'], unique=True, postgresql_where="kind = 'adopted'")
    op.create_table('encumbrance',
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('fiscal_year', sa.Integer(), nullable=False),
    sa.Column('encumbered_fen', sa.BigInteger(), nullable=False),
    sa.Column('steps', sa.Integer(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('encumbered_fen >= 0 AND steps >= 0', name=op.f('ck_encumbrance_not_negative')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_encumbrance_union_id')),
    sa.PrimaryKeyConstraint('purchase_id', name=op.f('pk_encumbrance'))
    )
    op.create_index(op.f('ix_encumbrance_union_id'), 'encumbrance', ['union_id'], unique=False)
    op.create_table('held_transfer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('debit_account_id', sa.Uuid(), nullable=False),
    sa.Column('credit_account_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('reference', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('held_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'held') = (closed_at IS NULL)", name=op.f('ck_held_transfer_closed_once')),
    sa.CheckConstraint("kind IN ('sale', 'advance', 'advance_returned', 'advance_applied', 'payment', 'refund', 'budget_adopted', 'budget_adjusted', 'budget_carried', 'encumbered', 'encumbrance_released', 'encumbrance_spent', 'allowance_granted', 'allowance_spent', 'allowance_refunded', 'allowance_returned')", name=op.f('ck_held_transfer_kind_known')),
    sa.CheckConstraint("state IN ('held', 'posted', 'voided')", name=op.f('ck_held_transfer_state_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_held_transfer_moves_something')),
    sa.CheckConstraint('debit_account_id <> credit_account_id', name=op.f('ck_held_transfer_two_accounts')),
    sa.ForeignKeyConstraint(['credit_account_id'], ['account.id'], name=op.f('fk_held_transfer_credit_account_id')),
    sa.ForeignKeyConstraint(['debit_account_id'], ['account.id'], name=op.f('fk_held_transfer_debit_account_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_held_transfer'))
    )
    op.create_index('ix_held_transfer_open', 'held_transfer', ['credit_account_id'], unique=False, postgresql_where="state = 'held'")
    op.create_index('ix_held_transfer_reference', 'held_transfer', ['reference'], unique=False)
    op.create_table('allowance',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('grant_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['allowance_grant.id'], name=op.f('fk_allowance_grant_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_allowance_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_allowance')),
    sa.UniqueConstraint('grant_id', 'person_id', name=op.f('uq_allowance_grant_id_person_id'))
    )
    op.create_index('ix_allowance_person', 'allowance', ['person_id'], unique=False)
    op.create_table('allowance_sku',
    sa.Column('grant_id', sa.Uuid(), nullable=False),
    sa.Column('sku_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['grant_id'], ['allowance_grant.id'], name=op.f('fk_allowance_sku_grant_id')),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_allowance_sku_sku_id')),
    sa.PrimaryKeyConstraint('grant_id', 'sku_id', name=op.f('pk_allowance_sku'))
    )
