"""columns that nobody read, as whoever brought a catalogue's, union's or recipients' file said"""

from alembic import op

revision = '20261130_0027'
down_revision = '20261130_0026'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ('import_batch', 'roster', 'recipient_import'):
        op.execute(f"ALTER TABLE {table} ADD COLUMN acknowledged_columns text[] NOT NULL DEFAULT ARRAY[]::text[]")
