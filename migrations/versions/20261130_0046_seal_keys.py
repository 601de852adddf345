"""which keys have sealed, and whose seal it is"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0046'
down_revision = '20261130_0045'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('seal_key',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('public_key', sa.String(), nullable=False),
    sa.Column('previous', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('first_seal', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('signed_by_itself', sa.String(), nullable=False),
    sa.Column('signed_by_previous', sa.String(), nullable=False),
    sa.CheckConstraint('number > 0', name=op.f('ck_seal_key_counted_from_one')),
    sa.CheckConstraint("(number = 1) = (previous = '')", name=op.f('ck_seal_key_follows_another')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_seal_key')),
    sa.UniqueConstraint('public_key', name=op.f('uq_seal_key_public_key'))
    )
    op.add_column('seal', sa.Column('programme', sa.String(), nullable=False, server_default=''))


def downgrade() -> None:
    op.drop_column('seal', 'programme')
    op.drop_table('seal_key')
