"""the audit desk"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0017'
down_revision = '20261122_0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_mandate',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('auditor_id', sa.Uuid(), nullable=False),
    sa.Column('unit_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('covers_from', sa.Date(), nullable=False),
    sa.Column('covers_to', sa.Date(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=False),
    sa.Column('document_sha256', sa.String(), nullable=False),
    sa.Column('granted_by', sa.Uuid(), nullable=False),
    sa.Column('granted_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('cardinality(unit_ids) > 0', name=op.f('ck_audit_mandate_covers_somebody')),
    sa.CheckConstraint('covers_to > covers_from AND valid_to > valid_from', name=op.f('ck_audit_mandate_half_open')),
    sa.CheckConstraint('granted_by <> auditor_id', name=op.f('ck_audit_mandate_another_person')),
    sa.ForeignKeyConstraint(['auditor_id'], ['user_account.id'], name=op.f('fk_audit_mandate_auditor_id')),
    sa.ForeignKeyConstraint(['granted_by'], ['user_account.id'], name=op.f('fk_audit_mandate_granted_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_mandate'))
    )
    op.create_index('ix_audit_mandate_auditor', 'audit_mandate', ['auditor_id', 'valid_from'], unique=False)
    op.create_table('audit_question',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('words', sa.String(), nullable=False),
    sa.Column('owner_role', sa.String(), nullable=True),
    sa.Column('owner_id', sa.Uuid(), nullable=True),
    sa.Column('due_on', sa.Date(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reply', sa.String(), nullable=True),
    sa.Column('replied_by', sa.Uuid(), nullable=True),
    sa.Column('replied_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by', sa.Uuid(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("owner_role IN ('employee', 'outside_buyer', 'union_buyer', 'union_approver', 'union_receiver', 'canteen_buyer', 'staff', 'county_reviewer', 'supplier', 'auditor', 'administrator')", name=op.f('ck_audit_question_owner_role_known')),
    sa.CheckConstraint('(closed_by IS NULL) = (closed_at IS NULL)', name=op.f('ck_audit_question_closed_by_somebody')),
    sa.CheckConstraint('(owner_role IS NULL) <> (owner_id IS NULL)', name=op.f('ck_audit_question_has_one_owner')),
    sa.CheckConstraint('(reply IS NULL) = (replied_by IS NULL AND replied_at IS NULL)', name=op.f('ck_audit_question_replied_by_somebody')),
    sa.CheckConstraint('closed_at IS NULL OR reply IS NOT NULL', name=op.f('ck_audit_question_replied_first')),
    sa.CheckConstraint('replied_by <> asked_by', name=op.f('ck_audit_question_another_person')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_audit_question_asked_by')),
    sa.ForeignKeyConstraint(['closed_by'], ['user_account.id'], name=op.f('fk_audit_question_closed_by')),
    sa.ForeignKeyConstraint(['owner_id'], ['user_account.id'], name=op.f('fk_audit_question_owner_id')),
    sa.ForeignKeyConstraint(['replied_by'], ['user_account.id'], name=op.f('fk_audit_question_replied_by')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_audit_question_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_question'))
    )
    op.create_index('ix_audit_question_open', 'audit_question', ['due_on'], unique=False, postgresql_where=sa.text('closed_at IS NULL'))
    op.create_index(op.f('ix_audit_question_unit_id'), 'audit_question', ['unit_id'], unique=False)
    op.create_table('retention_rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('years', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('document_sha256', sa.String(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('added_by', sa.Uuid(), nullable=True),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('delivery', 'bulk_recipient', 'bulk_member', 'bulk_site', 'roll_row')", name=op.f('ck_retention_rule_kind_known')),
    sa.CheckConstraint('years BETWEEN 1 AND 100', name=op.f('ck_retention_rule_some_years')),
    sa.ForeignKeyConstraint(['added_by'], ['user_account.id'], name=op.f('fk_retention_rule_added_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_retention_rule')),
    sa.UniqueConstraint('kind', 'valid_from', name=op.f('uq_retention_rule_kind_valid_from'))
    )
    op.create_table('audit_sample',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('mandate_id', sa.Uuid(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('seed', sa.String(), nullable=False),
    sa.Column('population', sa.Integer(), nullable=False),
    sa.Column('line_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('drawn_by', sa.Uuid(), nullable=False),
    sa.Column('drawn_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('cardinality(line_ids) <= size AND cardinality(line_ids) <= population', name=op.f('ck_audit_sample_of_these')),
    sa.CheckConstraint('size BETWEEN 1 AND 200', name=op.f('ck_audit_sample_a_sample')),
    sa.CheckConstraint('until > since', name=op.f('ck_audit_sample_half_open')),
    sa.ForeignKeyConstraint(['drawn_by'], ['user_account.id'], name=op.f('fk_audit_sample_drawn_by')),
    sa.ForeignKeyConstraint(['mandate_id'], ['audit_mandate.id'], name=op.f('fk_audit_sample_mandate_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_sample'))
    )
    op.create_index('ix_audit_sample_drawn', 'audit_sample', ['drawn_by', 'drawn_at'], unique=False)
    op.execute("""
INSERT INTO retention_rule (id, kind, years, source, valid_from, added_at)
SELECT gen_random_uuid(), kind, years, source, '2021-01-01', now() FROM (VALUES
    ('delivery', 3, '《电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年；《个人信息保护法》第四十七条：保存期限届满应当删除'),
    ('bulk_recipient', 3, '《电子商务法》第三十一条；《个人信息保护法》第四十七条'),
    ('bulk_site', 3, '《电子商务法》第三十一条；《个人信息保护法》第四十七条'),
    ('bulk_member', 30, '《会计档案管理办法》附表一：会计凭证保管三十年，签领名册是凭证附件'),
    ('roll_row', 30, '《会计档案管理办法》附表一：会计凭证保管三十年，签领表是凭证附件')) AS r (kind, years, source)
""")
