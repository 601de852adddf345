"""canteens: lists to repeat, contracts, orders by weight, papers, the reserved share"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0010'
down_revision = '20261122_0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Young, small tables: under a lock of milliseconds.
    for statement in (
        """-- squawk-ignore constraint-missing-not-valid, adding-field-with-default
ALTER TABLE sku ADD COLUMN weighed boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT ck_sku_weighed_by_unit CHECK (NOT weighed OR net_grams IN (500, 1000))""",
        """-- squawk-ignore constraint-missing-not-valid
ALTER TABLE order_line ADD COLUMN weighed_milli bigint,
    ADD CONSTRAINT ck_order_line_weight_within
    CHECK (weighed_milli > (quantity - 1) * 1000 AND weighed_milli <= quantity * 1000)""",
        """-- squawk-ignore require-concurrent-index-creation
CREATE INDEX ix_payer_share_due ON payer_share (due_on) WHERE payment_state IN ('unpaid', 'partly_paid')""",
    ):
        op.execute(statement)
    op.create_table('reserved_share_rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('province', sa.String(), nullable=True),
    sa.Column('basis_points', sa.Integer(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('basis_points BETWEEN 0 AND 10000', name=op.f('ck_reserved_share_rule_share_in_range')),
    sa.CheckConstraint('valid_to > valid_from', name=op.f('ck_reserved_share_rule_half_open')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reserved_share_rule')),
    sa.UniqueConstraint('province', 'valid_from', name=op.f('uq_reserved_share_rule_province_valid_from'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('reserved_share_duty',
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('fiscal_year', sa.Integer(), nullable=False),
    sa.Column('planned_fen', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('planned_fen > 0', name=op.f('ck_reserved_share_duty_positive')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_reserved_share_duty_unit_id')),
    sa.PrimaryKeyConstraint('unit_id', 'fiscal_year', name=op.f('pk_reserved_share_duty'))
    )
    op.create_table('canteen_contract',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('canteen_id', sa.Uuid(), nullable=False),
    sa.Column('payer_kind', sa.String(), nullable=False),
    sa.Column('payer_id', sa.Uuid(), nullable=False),
    sa.Column('payer_name', sa.String(), nullable=False),
    sa.Column('invoice_title', sa.String(), nullable=False),
    sa.Column('tax_number', sa.String(), nullable=True),
    sa.Column('credit_days', sa.Integer(), nullable=False),
    sa.Column('contact_name', sa.String(), nullable=False),
    sa.Column('contact_phone', sa.String(), nullable=False),
    sa.Column('region_code', sa.String(), nullable=False),
    sa.Column('street', sa.String(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('source', sa.String(), nullable=False),
    postgresql.ExcludeConstraint((sa.column('canteen_id'), '='), (sa.text('daterange(valid_from, valid_to)'), '&&'), using='gist', name='canteen_contract_never_two'),
    sa.CheckConstraint("payer_kind IN ('canteen', 'contractor')", name=op.f('ck_canteen_contract_payer_kind_known')),
    sa.CheckConstraint('credit_days BETWEEN 0 AND 180', name=op.f('ck_canteen_contract_credit_days_in_range')),
    sa.CheckConstraint('valid_to > valid_from', name=op.f('ck_canteen_contract_half_open')),
    sa.ForeignKeyConstraint(['canteen_id'], ['canteen.id'], name=op.f('fk_canteen_contract_canteen_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canteen_contract'))
    )
    op.create_table('canteen_list',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('canteen_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('changed_by', sa.Uuid(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['canteen_id'], ['canteen.id'], name=op.f('fk_canteen_list_canteen_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canteen_list')),
    sa.UniqueConstraint('canteen_id', 'name', name=op.f('uq_canteen_list_canteen_id_name'))
    )
    op.create_table('canteen_order',
    sa.Column('order_id', sa.Uuid(), nullable=False),
    sa.Column('canteen_id', sa.Uuid(), nullable=False),
    sa.Column('contract_id', sa.Uuid(), nullable=False),
    sa.Column('list_id', sa.Uuid(), nullable=True),
    sa.Column('supplements_id', sa.Uuid(), nullable=True),
    sa.Column('deliver_on', sa.Date(), nullable=False),
    sa.Column('credit_days', sa.Integer(), nullable=False),
    sa.CheckConstraint('supplements_id <> order_id', name=op.f('ck_canteen_order_not_itself')),
    sa.ForeignKeyConstraint(['canteen_id'], ['canteen.id'], name=op.f('fk_canteen_order_canteen_id')),
    sa.ForeignKeyConstraint(['contract_id'], ['canteen_contract.id'], name=op.f('fk_canteen_order_contract_id')),
    sa.ForeignKeyConstraint(['order_id'], ['shop_order.id'], name=op.f('fk_canteen_order_order_id')),
    sa.ForeignKeyConstraint(['supplements_id'], ['canteen_order.order_id'], name=op.f('fk_canteen_order_supplements_id')),
    sa.PrimaryKeyConstraint('order_id', name=op.f('pk_canteen_order'))
    )
    op.create_index('ix_canteen_order_day', 'canteen_order', ['canteen_id', 'deliver_on'], unique=False)
    op.create_table('canteen_list_line',
    sa.Column('list_id', sa.Uuid(), nullable=False),
    sa.Column('sku_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('milli', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('milli > 0', name=op.f('ck_canteen_list_line_has_pieces')),
    sa.ForeignKeyConstraint(['list_id'], ['canteen_list.id'], name=op.f('fk_canteen_list_line_list_id')),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_canteen_list_line_sku_id')),
    sa.PrimaryKeyConstraint('list_id', 'sku_id', name=op.f('pk_canteen_list_line')),
    sa.UniqueConstraint('list_id', 'position', name=op.f('uq_canteen_list_line_list_id_position'))
    )
    op.create_table('canteen_paper',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('acceptance_id', sa.Uuid(), nullable=False),
    sa.Column('line_id', sa.Uuid(), nullable=False),
    sa.Column('payer_share_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('batch_number', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=True),
    sa.Column('evidence_sha256', sa.String(), nullable=False),
    sa.Column('added_by', sa.Uuid(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('conformity', 'quarantine', 'inspection', 'delivery_note')", name=op.f('ck_canteen_paper_kind_known')),
    sa.ForeignKeyConstraint(['acceptance_id', 'line_id', 'payer_share_id'], ['acceptance_line.acceptance_id', 'acceptance_line.line_id', 'acceptance_line.payer_share_id'], name=op.f('fk_canteen_paper_acceptance_id_line_id_payer_share_id')),
    sa.ForeignKeyConstraint(['acceptance_id'], ['acceptance.id'], name=op.f('fk_canteen_paper_acceptance_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_canteen_paper')),
    sa.UniqueConstraint('acceptance_id', 'line_id', 'kind', 'evidence_sha256', name=op.f('uq_canteen_paper_acceptance_id_line_id_kind_evidence_sha256'))
    )
