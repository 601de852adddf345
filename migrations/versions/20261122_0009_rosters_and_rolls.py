"""rosters and rolls"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0009'
down_revision = '20261122_0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('roster',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('previous_id', sa.Uuid(), nullable=True),
    sa.Column('file_sha256', sa.String(), nullable=False),
    sa.Column('people', sa.Integer(), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('people >= 0', name=op.f('ck_roster_not_negative')),
    sa.ForeignKeyConstraint(['previous_id'], ['roster.id'], name=op.f('fk_roster_previous_id')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_roster_union_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_roster')),
    sa.UniqueConstraint('union_id', 'previous_id', name=op.f('uq_roster_union_id_previous_id'), postgresql_nulls_not_distinct=True)
    )
    op.create_table('staff_number',
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_staff_number_person_id')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_staff_number_union_id')),
    sa.PrimaryKeyConstraint('union_id', 'number', name=op.f('pk_staff_number')),
    sa.UniqueConstraint('union_id', 'person_id', name=op.f('uq_staff_number_union_id_person_id'))
    )
    op.create_table('roster_change',
    sa.Column('roster_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('from_unit_id', sa.Uuid(), nullable=True),
    sa.Column('to_unit_id', sa.Uuid(), nullable=True),
    sa.Column('from_department', sa.String(), nullable=True),
    sa.Column('to_department', sa.String(), nullable=True),
    sa.CheckConstraint("kind IN ('joined', 'left', 'moved', 'retired', 'on_leave', 'returned')", name=op.f('ck_roster_change_kind_known')),
    sa.ForeignKeyConstraint(['from_unit_id'], ['unit.id'], name=op.f('fk_roster_change_from_unit_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_roster_change_person_id')),
    sa.ForeignKeyConstraint(['roster_id'], ['roster.id'], name=op.f('fk_roster_change_roster_id')),
    sa.ForeignKeyConstraint(['to_unit_id'], ['unit.id'], name=op.f('fk_roster_change_to_unit_id')),
    sa.PrimaryKeyConstraint('roster_id', 'person_id', name=op.f('pk_roster_change'))
    )
    op.create_table('roster_entry',
    sa.Column('roster_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('staff_number', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('department', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.CheckConstraint("status IN ('active', 'on_leave', 'retired')", name=op.f('ck_roster_entry_status_known')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_roster_entry_person_id')),
    sa.ForeignKeyConstraint(['roster_id'], ['roster.id'], name=op.f('fk_roster_entry_roster_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_roster_entry_unit_id')),
    sa.PrimaryKeyConstraint('roster_id', 'person_id', name=op.f('pk_roster_entry')),
    sa.UniqueConstraint('roster_id', 'staff_number', name=op.f('uq_roster_entry_roster_id_staff_number'))
    )
    op.create_index('ix_roster_entry_person', 'roster_entry', ['person_id'], unique=False)
    op.create_table('bulk_case',
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('sku_id', sa.Uuid(), nullable=False),
    sa.Column('case_pieces', sa.Integer(), nullable=False),
    sa.CheckConstraint('case_pieces > 0', name=op.f('ck_bulk_case_has_pieces')),
    sa.ForeignKeyConstraint(['purchase_id'], ['bulk_purchase.id'], name=op.f('fk_bulk_case_purchase_id')),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_bulk_case_sku_id')),
    sa.PrimaryKeyConstraint('purchase_id', 'sku_id', name=op.f('pk_bulk_case'))
    )
    op.create_table('recipient_import',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('file_sha256', sa.String(), nullable=False),
    sa.Column('dry_run', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('done', sa.Integer(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('error_count', sa.Integer(), nullable=False),
    sa.Column('errors', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('said', sa.String(), nullable=True),
    sa.Column('revision', sa.Integer(), nullable=True),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('working', 'refused', 'tried', 'saved')", name=op.f('ck_recipient_import_state_known')),
    sa.CheckConstraint('done >= 0 AND done <= total', name=op.f('ck_recipient_import_not_beyond')),
    sa.ForeignKeyConstraint(['created_by'], ['user_account.id'], name=op.f('fk_recipient_import_created_by')),
    sa.ForeignKeyConstraint(['purchase_id'], ['bulk_purchase.id'], name=op.f('fk_recipient_import_purchase_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recipient_import'))
    )
    op.create_index('ix_recipient_import_purchase', 'recipient_import', ['purchase_id', 'created_at'], unique=False)
    op.create_table('roll_leftover',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('sku_id', sa.Uuid(), nullable=False),
    sa.Column('pieces', sa.Integer(), nullable=False),
    sa.Column('decision', sa.String(), nullable=False),
    sa.Column('minutes_sha256', sa.String(), nullable=False),
    sa.Column('recorded_by', sa.Uuid(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('length(decision) > 0', name=op.f('ck_roll_leftover_decided')),
    sa.CheckConstraint('pieces > 0', name=op.f('ck_roll_leftover_has_pieces')),
    sa.ForeignKeyConstraint(['purchase_id'], ['bulk_purchase.id'], name=op.f('fk_roll_leftover_purchase_id')),
    sa.ForeignKeyConstraint(['recorded_by'], ['user_account.id'], name=op.f('fk_roll_leftover_recorded_by')),
    sa.ForeignKeyConstraint(['sku_id'], ['sku.id'], name=op.f('fk_roll_leftover_sku_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_roll_leftover'))
    )
    op.create_index('ix_roll_leftover_purchase', 'roll_leftover', ['purchase_id'], unique=False)
    op.create_table('roll_row',
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('page', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('department', sa.String(), nullable=False),
    sa.Column('outcome', sa.String(), nullable=True),
    sa.Column('proxy_name', sa.String(), nullable=True),
    sa.Column('waybill', sa.String(), nullable=True),
    sa.Column('note', sa.String(), nullable=True),
    sa.Column('signed_on', sa.Date(), nullable=True),
    sa.Column('recorded_by', sa.Uuid(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("outcome <> 'posted' OR waybill IS NOT NULL", name=op.f('ck_roll_row_waybill_given')),
    sa.CheckConstraint("outcome <> 'proxy' OR proxy_name IS NOT NULL OR erased_at IS NOT NULL", name=op.f('ck_roll_row_proxy_named')),
    sa.CheckConstraint("outcome IN ('self', 'proxy', 'posted', 'refused', 'not_reached')", name=op.f('ck_roll_row_outcome_known')),
    sa.CheckConstraint('(outcome IS NULL) = (recorded_at IS NULL)', name=op.f('ck_roll_row_recorded_once_known')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_roll_row_person_id')),
    sa.ForeignKeyConstraint(['purchase_id'], ['bulk_purchase.id'], name=op.f('fk_roll_row_purchase_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_roll_row_unit_id')),
    sa.PrimaryKeyConstraint('purchase_id', 'person_id', name=op.f('pk_roll_row'))
    )
    op.create_index('uq_roll_row_place', 'roll_row', ['purchase_id', 'page', 'line'], unique=True)
    op.create_table('roll_scan',
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('page', sa.Integer(), nullable=False),
    sa.Column('evidence_sha256', sa.String(), nullable=False),
    sa.Column('page_digest', sa.String(), nullable=False),
    sa.Column('added_by', sa.Uuid(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('page > 0', name=op.f('ck_roll_scan_a_page')),
    sa.ForeignKeyConstraint(['added_by'], ['user_account.id'], name=op.f('fk_roll_scan_added_by')),
    sa.ForeignKeyConstraint(['purchase_id'], ['bulk_purchase.id'], name=op.f('fk_roll_scan_purchase_id')),
    sa.PrimaryKeyConstraint('purchase_id', 'page', 'evidence_sha256', name=op.f('pk_roll_scan'))
    )
