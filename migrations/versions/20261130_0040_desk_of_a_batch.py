"""a batch of outside sales belongs to its uploader's desk, also where no row of it names a unit"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0040'
down_revision = '20261130_0039'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('intake_batch', sa.Column('unit_id', sa.Uuid(), nullable=True))
    # Of what waits already: where its uploader works today, else the unit of his first grant as staff.
    op.execute("""UPDATE intake_batch b SET unit_id = coalesce(
    (SELECT m.unit_id FROM membership m JOIN user_account u ON u.person_id = m.person_id WHERE u.id = b.uploaded_by
        AND m.valid_from <= current_date AND (m.valid_to IS NULL OR m.valid_to > current_date) LIMIT 1),
    (SELECT n.id FROM role_grant g JOIN unit n ON n.id::text = g.scope_id WHERE g.user_id = b.uploaded_by
        AND g.role = 'staff' AND g.scope_kind = 'unit' ORDER BY g.id LIMIT 1))""")
    # A table of files: it is checked in a moment.
    # squawk-ignore adding-foreign-key-constraint, constraint-missing-not-valid
    op.create_foreign_key(op.f('fk_intake_batch_unit_id'), 'intake_batch', 'unit', ['unit_id'], ['id'])
