"""one person for each verified phone; who belongs elsewhere is claimed by a list and not moved"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0036'
down_revision = '20261130_0034'
branch_labels = None
depends_on = None


KINDS = (
    "'counting_rule.add', 'counting_rule.end', 'spending_rule.add', 'spending_rule.end', 'flag_threshold.set', "
    "'retention_rule.add', 'audit_mandate.grant', 'role.grant', 'role.end', 'password.reset', 'county.succeed'"
)


def upgrade() -> None:
    op.execute(f"""-- squawk-ignore ban-drop-constraint
ALTER TABLE change_request DROP CONSTRAINT ck_change_request_kind_known,
    ADD CONSTRAINT ck_change_request_kind_known CHECK (kind IN ({KINDS}))""")
    op.add_column('person', sa.Column('phone_verified_at', sa.DateTime(timezone=True), nullable=True))
    op.execute("""
ALTER TABLE person ADD CONSTRAINT ck_person_verified_has_a_phone
    CHECK (phone_verified_at IS NULL OR phone IS NOT NULL) NOT VALID""")
    op.create_index('uq_person_verified_phone', 'person', ['phone'], unique=True, postgresql_where=sa.text('phone_verified_at IS NOT NULL'))
    op.create_table('phone_proof',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('phone_digest', sa.LargeBinary(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('confirmed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('tries BETWEEN 0 AND 5', name=op.f('ck_phone_proof_five_tries')),
    sa.CheckConstraint('used_at IS NULL OR confirmed_at IS NOT NULL', name=op.f('ck_phone_proof_confirmed_before_used')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_phone_proof'))
    )
    op.create_index('ix_phone_proof_phone', 'phone_proof', ['phone_digest', 'asked_at'], unique=False)
    op.create_index(op.f('ix_phone_proof_expires_at'), 'phone_proof', ['expires_at'], unique=False)
    op.create_table('person_alias',
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('same_as_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('person_id <> same_as_id', name=op.f('ck_person_alias_another')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_person_alias_person_id')),
    sa.ForeignKeyConstraint(['same_as_id'], ['person.id'], name=op.f('fk_person_alias_same_as_id')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_person_alias_user_id')),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_person_alias'))
    )
    op.create_index(op.f('ix_person_alias_same_as_id'), 'person_alias', ['same_as_id'], unique=False)
    op.create_table('membership_claim',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('roster_id', sa.Uuid(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('staff_number', sa.String(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('department', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('from_unit_id', sa.Uuid(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=True),
    sa.CheckConstraint("(state = 'confirmed') = (valid_from IS NOT NULL)", name=op.f('ck_membership_claim_confirmed_on_a_day')),
    sa.CheckConstraint("(state = 'refused') = (reason IS NOT NULL)", name=op.f('ck_membership_claim_refused_with_a_reason')),
    sa.CheckConstraint("(state IN ('confirmed', 'refused')) = (decided_by IS NOT NULL) AND (state = 'open') = (decided_at IS NULL)", name=op.f('ck_membership_claim_decided_by_somebody')),
    sa.CheckConstraint("decided_by <> asked_by", name=op.f('ck_membership_claim_two_people')),
    sa.CheckConstraint("state IN ('open', 'confirmed', 'refused', 'replaced', 'expired')", name=op.f('ck_membership_claim_state_known')),
    sa.CheckConstraint("status IN ('active', 'on_leave', 'retired')", name=op.f('ck_membership_claim_status_known')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_membership_claim_asked_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_membership_claim_decided_by')),
    sa.ForeignKeyConstraint(['from_unit_id'], ['unit.id'], name=op.f('fk_membership_claim_from_unit_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_membership_claim_person_id')),
    sa.ForeignKeyConstraint(['roster_id'], ['roster.id'], name=op.f('fk_membership_claim_roster_id')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_membership_claim_union_id')),
    sa.ForeignKeyConstraint(['unit_id'], ['unit.id'], name=op.f('fk_membership_claim_unit_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_membership_claim')),
    sa.UniqueConstraint('roster_id', 'person_id', name=op.f('uq_membership_claim_roster_id_person_id'))
    )
    op.create_index('ix_membership_claim_due', 'membership_claim', ['expires_at'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index('ix_membership_claim_person', 'membership_claim', ['person_id'], unique=False, postgresql_where=sa.text("state = 'open'"))
    op.create_index('uq_membership_claim_open', 'membership_claim', ['union_id', 'person_id'], unique=True, postgresql_where=sa.text("state = 'open'"))
