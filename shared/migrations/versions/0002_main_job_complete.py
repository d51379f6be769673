"""Rounds, uploads in parts, imports, idempotency keys, webhooks, stage speeds."""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('stage_speeds',
    sa.Column('stage', sa.String(), nullable=False),
    sa.Column('engine', sa.String(), nullable=False),
    sa.Column('seconds_per_second', sa.Double(), nullable=False),
    sa.Column('runs', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('stage', 'engine', name=op.f('pk_stage_speeds'))
    )
    op.create_table('idempotency_keys',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('route', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('request_hash', sa.String(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('body', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_idempotency_keys_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', 'route', 'key', name=op.f('pk_idempotency_keys'))
    )
    op.create_index('ix_idempotency_keys_created_at', 'idempotency_keys', ['created_at'], unique=False)
    op.create_table('webhook_deliveries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('event', sa.String(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('response_status', sa.Integer(), nullable=True),
    sa.Column('error', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("status in ('PENDING', 'DELIVERED', 'FAILED')", name=op.f('ck_webhook_deliveries_status')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_webhook_deliveries_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_deliveries'))
    )
    op.create_index('ix_webhook_deliveries_created_at', 'webhook_deliveries', ['created_at'], unique=False)
    op.create_index('ix_webhook_deliveries_due', 'webhook_deliveries', ['next_attempt_at'], unique=False, postgresql_where=sa.text("status = 'PENDING'"))
    op.create_index('ix_webhook_deliveries_job_id', 'webhook_deliveries', ['job_id'], unique=False)
    op.create_index('ix_webhook_deliveries_user_id_id', 'webhook_deliveries', ['user_id', 'id'], unique=False)
    op.create_table('webhook_endpoints',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.String(), nullable=True),
    sa.Column('secret', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_webhook_endpoints_user_id_users'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('user_id', name=op.f('pk_webhook_endpoints'))
    )
    op.create_table('imports',
    sa.Column('video_id', sa.Uuid(), nullable=False),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('remote_etag', sa.String(), nullable=True),
    sa.Column('received_bytes', sa.BigInteger(), nullable=False),
    sa.Column('lease_token', sa.Uuid(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('not_before', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('crashes', sa.Integer(), nullable=False),
    sa.Column('transient_failures', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('fk_imports_video_id_videos'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('video_id', name=op.f('pk_imports'))
    )
    op.create_index('ix_imports_not_before', 'imports', ['not_before'], unique=False)
    op.create_index('ix_artifacts_created_at', 'artifacts', ['created_at'], unique=False)
    op.add_column('dubs', sa.Column('transcript', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('dubs', sa.Column('round', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.add_column('jobs', sa.Column('webhook_url', sa.String(), nullable=True))
    op.add_column('jobs', sa.Column('round', sa.Integer(), server_default=sa.text('1'), nullable=False))
    op.add_column('jobs', sa.Column('estimated_end_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('jobs', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.drop_index(op.f('ix_jobs_video_id'), table_name='jobs')
    op.create_index('ix_jobs_expires_at', 'jobs', ['expires_at'], unique=False, postgresql_where=sa.text('expires_at is not null'))
    op.create_index('ix_jobs_user_id_status_job_id', 'jobs', ['user_id', 'status', 'job_id'], unique=False)
    op.create_index('ix_jobs_video_id_job_id', 'jobs', ['video_id', 'job_id'], unique=False)
    op.add_column('videos', sa.Column('upload_id', sa.String(), nullable=True))
    op.add_column('videos', sa.Column('part_size', sa.BigInteger(), nullable=True))
    op.add_column('videos', sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True))
    op.alter_column('videos', 'size_bytes',
               existing_type=sa.BIGINT(),
               nullable=True)
    op.create_index('ix_videos_deleted_at', 'videos', ['deleted_at'], unique=False, postgresql_where=sa.text('deleted_at is not null'))
    op.create_index('ix_videos_expires_at', 'videos', ['expires_at'], unique=False, postgresql_where=sa.text('expires_at is not null'))
    op.create_index('ix_videos_unfinished', 'videos', ['created_at'], unique=False, postgresql_where=sa.text("status = 'AWAITING_UPLOAD'"))
    op.create_index('ix_videos_user_id_status_id', 'videos', ['user_id', 'status', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_videos_user_id_status_id', table_name='videos')
    op.drop_index('ix_videos_unfinished', table_name='videos', postgresql_where=sa.text("status = 'AWAITING_UPLOAD'"))
    op.drop_index('ix_videos_expires_at', table_name='videos', postgresql_where=sa.text('expires_at is not null'))
    op.drop_index('ix_videos_deleted_at', table_name='videos', postgresql_where=sa.text('deleted_at is not null'))
    op.alter_column('videos', 'size_bytes',
               existing_type=sa.BIGINT(),
               nullable=False)
    op.drop_column('videos', 'deleted_at')
    op.drop_column('videos', 'part_size')
    op.drop_column('videos', 'upload_id')
    op.drop_index('ix_jobs_video_id_job_id', table_name='jobs')
    op.drop_index('ix_jobs_user_id_status_job_id', table_name='jobs')
    op.drop_index('ix_jobs_expires_at', table_name='jobs', postgresql_where=sa.text('expires_at is not null'))
    op.create_index(op.f('ix_jobs_video_id'), 'jobs', ['video_id'], unique=False)
    op.drop_column('jobs', 'deleted_at')
    op.drop_column('jobs', 'estimated_end_at')
    op.drop_column('jobs', 'round')
    op.drop_column('jobs', 'webhook_url')
    op.drop_column('dubs', 'round')
    op.drop_column('dubs', 'transcript')
    op.drop_index('ix_artifacts_created_at', table_name='artifacts')
    op.drop_index('ix_imports_not_before', table_name='imports')
    op.drop_table('imports')
    op.drop_table('webhook_endpoints')
    op.drop_index('ix_webhook_deliveries_user_id_id', table_name='webhook_deliveries')
    op.drop_index('ix_webhook_deliveries_job_id', table_name='webhook_deliveries')
    op.drop_index('ix_webhook_deliveries_due', table_name='webhook_deliveries', postgresql_where=sa.text("status = 'PENDING'"))
    op.drop_index('ix_webhook_deliveries_created_at', table_name='webhook_deliveries')
    op.drop_table('webhook_deliveries')
    op.drop_index('ix_idempotency_keys_created_at', table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_table('stage_speeds')
