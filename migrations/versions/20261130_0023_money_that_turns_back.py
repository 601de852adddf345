"""money and goods that turn back"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261130_0023'
down_revision = '20261130_0022'
branch_labels = None
depends_on = None

TRANSFER_KINDS = """'sale', 'advance', 'advance_returned', 'advance_applied', 'advance_kept', 'payment', 'refund', 'undone',
    'budget_adopted', 'budget_adjusted', 'budget_carried', 'encumbered', 'encumbrance_released', 'encumbrance_spent',
    'allowance_granted', 'allowance_spent', 'allowance_refunded', 'allowance_returned', 'allowance_taken_again'"""
ENTRY_KINDS = "'sale', 'refund', 'reversal', 'repost', 'regrade_out', 'regrade_in', 'refund_undone', 'payment_undone'"


def widen(table: str, **checks: str) -> None:
    """Checks that allow more than before, in the place of the old ones; `shop migrate` looks at the rows afterwards."""
    dropped = ', '.join(f'DROP CONSTRAINT IF EXISTS ck_{table}_{name}' for name in checks)
    added = ', '.join(f'ADD CONSTRAINT ck_{table}_{name} CHECK ({check}) NOT VALID' for name, check in checks.items())
    op.execute(f'-- squawk-ignore ban-drop-constraint\nALTER TABLE {table} {dropped}, {added}')


def upgrade() -> None:
    widen(
        'credit_entry',
        kind_known=f'kind IN ({ENTRY_KINDS})',
        taken_back_is_negative="kind NOT IN ('refund', 'reversal', 'regrade_out', 'payment_undone') OR (amount_fen <= 0 AND grams <= 0)",
        put_again_is_positive="kind NOT IN ('repost', 'regrade_in', 'refund_undone') OR (amount_fen >= 0 AND grams >= 0)",
        undone_says_what="kind <> 'refund_undone' OR reverses_id IS NOT NULL",
    )
    widen('transfer', kind_known=f'kind IN ({TRANSFER_KINDS})')
    widen('held_transfer', kind_known=f'kind IN ({TRANSFER_KINDS})')
    widen('payment', method_known="method IN ('stripe', 'bank_transfer', 'allowance', 'advance')")
    widen('tender', kind_known="kind IN ('provider', 'allowance', 'bank_transfer', 'advance')")
    payments()
    refunds()
    op.execute("ALTER TABLE balance_run ADD COLUMN open_items integer NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE balance_difference ADD COLUMN waits boolean NOT NULL DEFAULT false")
    op.create_table('desk_decision',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('action', sa.String(), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("action IN ('return', 'keep', 'settle_otherwise', 'adopt')", name=op.f('ck_desk_decision_action_known')),
    sa.CheckConstraint("state IN ('asked', 'decided', 'withdrawn')", name=op.f('ck_desk_decision_state_known')),
    sa.CheckConstraint('decided_by <> asked_by', name=op.f('ck_desk_decision_two_people')),
    sa.CheckConstraint("(state = 'decided') = (decided_by IS NOT NULL)", name=op.f('ck_desk_decision_decided_by_somebody')),
    sa.CheckConstraint("(state = 'asked') = (ended_at IS NULL)", name=op.f('ck_desk_decision_ended_at_some_time')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_desk_decision_asked_by_user_account')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_desk_decision_decided_by_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_desk_decision'))
    )
    op.create_index('uq_desk_decision_asked', 'desk_decision', ['subject'], unique=True, postgresql_where=sa.text("state = 'asked'"))
    op.create_index('ix_desk_decision_subject', 'desk_decision', ['subject', 'asked_at'], unique=False)


def payments() -> None:
    op.execute("ALTER TABLE payment ADD COLUMN advance_of_id uuid")
    op.execute("""ALTER TABLE payment
    ADD CONSTRAINT fk_payment_advance_of_id_payment FOREIGN KEY (advance_of_id) REFERENCES payment (id) NOT VALID,
    ADD CONSTRAINT ck_payment_advance_of_something
        CHECK ((method = 'advance') = (advance_of_id IS NOT NULL)) NOT VALID""")
    op.create_table('kept_advance',
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('left_fen', sa.BigInteger(), nullable=False),
    sa.Column('kept_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('fen > 0', name=op.f('ck_kept_advance_moves_something')),
    sa.CheckConstraint('left_fen BETWEEN 0 AND fen', name=op.f('ck_kept_advance_left_within')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_kept_advance_payment_id_payment')),
    sa.PrimaryKeyConstraint('payment_id', name=op.f('pk_kept_advance'))
    )
    op.create_index('ix_kept_advance_open', 'kept_advance', ['payment_id'], unique=False, postgresql_where=sa.text('left_fen > 0'))
    op.create_table('dispute',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('provider_dispute_id', sa.String(), nullable=False),
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('provider_state', sa.String(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('withdrawn_fen', sa.BigInteger(), nullable=False),
    sa.Column('reinstated', sa.Boolean(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('evidence_due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'won', 'lost', 'closed')", name=op.f('ck_dispute_state_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_dispute_moves_something')),
    sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name=op.f('ck_dispute_closed_at_some_time')),
    sa.ForeignKeyConstraint(['order_id'], ['shop_order.id'], name=op.f('fk_dispute_order_id_shop_order')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_dispute_payment_id_payment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispute')),
    sa.UniqueConstraint('provider_dispute_id', name=op.f('uq_dispute_provider_dispute_id'))
    )
    op.create_index(op.f('ix_dispute_order_id'), 'dispute', ['order_id'], unique=False)
    op.create_index(op.f('ix_dispute_payment_id'), 'dispute', ['payment_id'], unique=False)
    op.create_index('ix_dispute_open', 'dispute', ['order_id'], unique=False, postgresql_where=sa.text("state = 'open'"))


def refunds() -> None:
    op.execute("""ALTER TABLE refund ADD COLUMN currency varchar NOT NULL DEFAULT 'cny', ADD COLUMN failed_at timestamptz,
    ADD COLUMN dispute_id uuid, ADD COLUMN retries_id uuid""")
    op.execute("""ALTER TABLE refund
    ADD CONSTRAINT fk_refund_dispute_id_dispute FOREIGN KEY (dispute_id) REFERENCES dispute (id),
    ADD CONSTRAINT fk_refund_retries_id_refund FOREIGN KEY (retries_id) REFERENCES refund (id)""")
    widen(
        'refund',
        kind_known="kind IN ('lines', 'amount', 'cancel', 'late_payment', 'kept_advance', 'dispute', 'adopted')",
        dispute_says_which="(kind = 'dispute') = (dispute_id IS NOT NULL)",
    )
    op.create_index('uq_refund_retries_id', 'refund', ['retries_id'], unique=True, postgresql_where=sa.text('retries_id IS NOT NULL'))
    op.create_index('ix_refund_dispute_id', 'refund', ['dispute_id'], unique=False, postgresql_where=sa.text('dispute_id IS NOT NULL'))
    op.create_index('ix_refund_failed', 'refund', ['order_id'], unique=False, postgresql_where=sa.text("state = 'failed'"))
    op.create_table('refund_goods',
    sa.Column('refund_id', sa.Uuid(), nullable=False),
    sa.Column('stock_sku_id', sa.Uuid(), nullable=False),
    sa.Column('pieces', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('pieces >= 0', name=op.f('ck_refund_goods_not_negative')),
    sa.ForeignKeyConstraint(['refund_id'], ['refund.id'], name=op.f('fk_refund_goods_refund_id_refund')),
    sa.ForeignKeyConstraint(['stock_sku_id'], ['stock_item.sku_id'], name=op.f('fk_refund_goods_stock_sku_id_stock_item')),
    sa.PrimaryKeyConstraint('refund_id', 'stock_sku_id', name=op.f('pk_refund_goods'))
    )
    op.create_table('provider_refund',
    sa.Column('provider_refund_id', sa.String(), nullable=False),
    sa.Column('payment_id', sa.Uuid(), nullable=False),
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('amount_fen', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('refund_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint("state IN ('pending', 'succeeded', 'failed')", name=op.f('ck_provider_refund_state_known')),
    sa.CheckConstraint('amount_fen > 0', name=op.f('ck_provider_refund_moves_something')),
    sa.ForeignKeyConstraint(['order_id'], ['shop_order.id'], name=op.f('fk_provider_refund_order_id_shop_order')),
    sa.ForeignKeyConstraint(['payment_id'], ['payment.id'], name=op.f('fk_provider_refund_payment_id_payment')),
    sa.ForeignKeyConstraint(['refund_id'], ['refund.id'], name=op.f('fk_provider_refund_refund_id_refund')),
    sa.PrimaryKeyConstraint('provider_refund_id', name=op.f('pk_provider_refund')),
    sa.UniqueConstraint('refund_id', name=op.f('uq_provider_refund_refund_id'))
    )
    op.create_index(op.f('ix_provider_refund_payment_id'), 'provider_refund', ['payment_id'], unique=False)
    op.create_index('ix_provider_refund_open', 'provider_refund', ['order_id'], unique=False, postgresql_where=sa.text("refund_id IS NULL AND state <> 'failed'"))
