"""the credit ledger: rules that say more, corrections, grades that are lifted, months that close"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0013'
down_revision = '20261122_0012'
branch_labels = None
depends_on = None

REASONS = """'no_designation', 'recognition_missing', 'recognition_expired', 'no_credited_unit', 'donated', 'outside_rule_period', 'credit_kind_excluded', 'fund_source_excluded', 'category_excluded', 'origin_unknown', 'designation_expired', 'designation_kind_excluded', 'recognition_not_yet_valid', 'evidence_missing'"""


def upgrade() -> None:
    # Under a lock of milliseconds: the shop has not opened with these tables yet, so they are young and small.
    for statement in (
        f"""-- squawk-ignore ban-drop-constraint
ALTER TABLE attribution DROP CONSTRAINT ck_attribution_not_counted_reason_known,
    ADD COLUMN component_id uuid, ADD COLUMN corrects_id uuid,
    ADD CONSTRAINT ck_attribution_not_counted_reason_known CHECK (not_counted_reason IN ({REASONS})),
    ADD CONSTRAINT ck_attribution_corrects_something CHECK ((component_id IS NULL) = (corrects_id IS NULL))""",
        """ALTER TABLE attribution ADD CONSTRAINT fk_attribution_corrects_id FOREIGN KEY (corrects_id) REFERENCES attribution (id)""",
        """CREATE INDEX ix_attribution_component_id ON attribution (component_id) WHERE component_id IS NOT NULL""",
        """CREATE UNIQUE INDEX uq_attribution_corrects_id ON attribution (corrects_id) WHERE corrects_id IS NOT NULL""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE credit_entry DROP CONSTRAINT ck_credit_entry_kind_known,
    ADD COLUMN attribution_id uuid, ADD COLUMN late_for date, ADD COLUMN evidence_sha256 varchar,
    ADD CONSTRAINT ck_credit_entry_kind_known CHECK (kind IN ('sale', 'refund', 'reversal', 'repost', 'regrade_out', 'regrade_in')),
    ADD CONSTRAINT ck_credit_entry_taken_back_is_negative
        CHECK (kind NOT IN ('refund', 'reversal', 'regrade_out') OR (amount_fen <= 0 AND grams <= 0)),
    ADD CONSTRAINT ck_credit_entry_put_again_is_positive
        CHECK (kind NOT IN ('repost', 'regrade_in') OR (amount_fen >= 0 AND grams >= 0)),
    ADD CONSTRAINT ck_credit_entry_late_is_later CHECK (late_for < occurred_on)""",
        """-- squawk-ignore ban-drop-constraint
ALTER TABLE credit_entry DROP CONSTRAINT ck_credit_entry_refunds_are_negative""",
        """ALTER TABLE counting_rule
    ADD COLUMN designation_kinds text[] NOT NULL
        DEFAULT ARRAY['lifted_out', 'key_revitalisation', 'provincial', 'emergency']::text[],
    ADD COLUMN credit_kinds text[] NOT NULL DEFAULT ARRAY['direct_purchase', 'assisted_sale']::text[],
    ADD COLUMN fund_sources text[] NOT NULL
        DEFAULT ARRAY['personal', 'union', 'canteen', 'administration', 'party_dues']::text[],
    ADD COLUMN excluded_categories text[] NOT NULL DEFAULT ARRAY[]::text[],
    ADD COLUMN minimum_grade varchar NOT NULL DEFAULT 'D',
    ADD CONSTRAINT ck_counting_rule_minimum_grade_known CHECK (minimum_grade IN ('A', 'B', 'C', 'D'))""",
    ):
        op.execute(statement)
    op.create_table('adjustment_rule',
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('days BETWEEN 0 AND 366', name=op.f('ck_adjustment_rule_at_most_a_year')),
    sa.PrimaryKeyConstraint('valid_from', name=op.f('pk_adjustment_rule')),
    )
    op.create_table('accounting_period',
    sa.Column('month', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('adjusts_until', sa.Date(), nullable=True),
    sa.Column('closed_by', sa.Uuid(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('was_open', postgresql.JSONB(), nullable=True),
    sa.CheckConstraint("(state = 'open') = (closed_by IS NULL AND closed_at IS NULL)", name=op.f('ck_accounting_period_closed_by_somebody')),
    sa.CheckConstraint("state <> 'adjusting' OR adjusts_until IS NOT NULL", name=op.f('ck_accounting_period_adjusting_ends')),
    sa.CheckConstraint("state IN ('open', 'adjusting', 'closed')", name=op.f('ck_accounting_period_state_known')),
    sa.CheckConstraint('month BETWEEN 200001 AND 209912 AND month % 100 BETWEEN 1 AND 12', name=op.f('ck_accounting_period_is_a_month')),
    sa.ForeignKeyConstraint(['closed_by'], ['user_account.id'], name=op.f('fk_accounting_period_closed_by')),
    sa.PrimaryKeyConstraint('month', name=op.f('pk_accounting_period'))
    )
    op.create_table('correction',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('order_line_id', sa.Uuid(), nullable=False),
    sa.Column('facts', postgresql.JSONB(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('document_sha256', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('requested_by', sa.Uuid(), nullable=False),
    sa.Column('requested_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.String(), nullable=True),
    sa.CheckConstraint("(state = 'requested') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_correction_decided_by_somebody')),
    sa.CheckConstraint("state IN ('requested', 'approved', 'refused')", name=op.f('ck_correction_state_known')),
    sa.CheckConstraint('decided_by <> requested_by', name=op.f('ck_correction_another_person')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_correction_decided_by')),
    sa.ForeignKeyConstraint(['document_sha256'], ['evidence.sha256'], name=op.f('fk_correction_document_sha256')),
    sa.ForeignKeyConstraint(['requested_by'], ['user_account.id'], name=op.f('fk_correction_requested_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_correction'))
    )
    op.create_index('ix_correction_open', 'correction', ['requested_at'], unique=False, postgresql_where=sa.text("state = 'requested'"))
    op.create_index(op.f('ix_correction_order_line_id'), 'correction', ['order_line_id'], unique=False)
    op.create_table('evidence_link',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('component_id', sa.Uuid(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('grade', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('proposed_by', sa.Uuid(), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('checked_by', sa.Uuid(), nullable=True),
    sa.Column('checked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finding', sa.String(), nullable=True),
    sa.CheckConstraint("(state = 'proposed') = (checked_by IS NULL AND checked_at IS NULL)", name=op.f('ck_evidence_link_checked_by_somebody')),
    sa.CheckConstraint("grade IN ('A', 'B', 'C')", name=op.f('ck_evidence_link_grade_known')),
    sa.CheckConstraint("state IN ('proposed', 'accepted', 'refused')", name=op.f('ck_evidence_link_state_known')),
    sa.CheckConstraint('checked_by <> proposed_by', name=op.f('ck_evidence_link_another_person')),
    sa.ForeignKeyConstraint(['checked_by'], ['user_account.id'], name=op.f('fk_evidence_link_checked_by')),
    sa.ForeignKeyConstraint(['component_id'], ['attribution.id'], name=op.f('fk_evidence_link_component_id')),
    sa.ForeignKeyConstraint(['proposed_by'], ['user_account.id'], name=op.f('fk_evidence_link_proposed_by')),
    sa.ForeignKeyConstraint(['sha256'], ['evidence.sha256'], name=op.f('fk_evidence_link_sha256')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence_link')),
    sa.UniqueConstraint('component_id', 'sha256', 'grade', name=op.f('uq_evidence_link_component_id_sha256_grade'))
    )
    op.create_index('ix_evidence_link_open', 'evidence_link', ['proposed_at'], unique=False, postgresql_where=sa.text("state = 'proposed'"))
    op.create_index(op.f('ix_evidence_link_sha256'), 'evidence_link', ['sha256'], unique=False)
    op.create_table('correction_part',
    sa.Column('correction_id', sa.Uuid(), nullable=False),
    sa.Column('component_id', sa.Uuid(), nullable=False),
    sa.Column('corrects_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['component_id'], ['attribution.id'], name=op.f('fk_correction_part_component_id')),
    sa.ForeignKeyConstraint(['correction_id'], ['correction.id'], name=op.f('fk_correction_part_correction_id')),
    sa.ForeignKeyConstraint(['corrects_id'], ['attribution.id'], name=op.f('fk_correction_part_corrects_id')),
    sa.PrimaryKeyConstraint('correction_id', 'component_id', name=op.f('pk_correction_part')),
    )
    op.execute("""INSERT INTO accounting_period (month, state)
SELECT (extract(year FROM day) * 100 + extract(month FROM day))::int, 'open'
FROM generate_series(DATE '2020-01-01', DATE '2030-12-01', INTERVAL '1 month') AS day""")
    op.execute("""INSERT INTO adjustment_rule (valid_from, days, source)
VALUES ('2020-01-01', 31, '平台初始设置：次年1月31日止为调整期，待单位文件替换')""")
