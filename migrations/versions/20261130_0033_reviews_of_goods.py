"""changes of goods on the shelf wait for a second person"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261130_0033'
down_revision = '20261130_0032'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('price', sa.Column('reviewed_fen', sa.BigInteger(), nullable=True))
    op.create_table('product_review',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('items', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=True),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('author_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('reference', sa.String(), nullable=False),
    sa.Column('replaces', sa.Uuid(), nullable=True),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'approved', 'rejected', 'withdrawn', 'replaced')", name=op.f('ck_product_review_state_known')),
    sa.CheckConstraint("jsonb_typeof(items) = 'array' AND items <> '[]'", name=op.f('ck_product_review_wants_something')),
    sa.CheckConstraint("(state = 'waiting') = (decided_at IS NULL)", name=op.f('ck_product_review_decided_at_some_time')),
    sa.CheckConstraint("state NOT IN ('approved', 'rejected') OR (decided_by IS NOT NULL AND decided_by <> ALL (author_ids))", name=op.f('ck_product_review_two_people')),
    sa.CheckConstraint('asked_by IS NULL OR asked_by = ANY (author_ids)', name=op.f('ck_product_review_who_asks_is_an_author')),
    sa.CheckConstraint("state <> 'rejected' OR reason IS NOT NULL", name=op.f('ck_product_review_rejected_why')),
    sa.ForeignKeyConstraint(['product_id'], ['product.id'], name=op.f('fk_product_review_product_id')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_product_review_asked_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_product_review_decided_by')),
    sa.ForeignKeyConstraint(['replaces'], ['product_review.id'], name=op.f('fk_product_review_replaces')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_product_review'))
    )
    op.create_index('uq_product_review_waiting', 'product_review', ['product_id'], unique=True, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('ix_product_review_product', 'product_review', ['product_id', 'id'], unique=False)
    op.create_index('ix_product_review_state', 'product_review', ['state', 'id'], unique=False)
