"""Rows for tests: a user, a READY video, a job."""

from uuid import UUID

from sqlalchemy import Engine

from shared.db import transaction
from shared.dubbing import jobs
from shared.models import Job, User, Video, VideoStatus, new_id


def a_user(engine: Engine, email: str | None = None) -> UUID:
    """A user who can't log in."""
    with transaction(engine) as session:
        user = User(id=new_id(), email=email or f"{new_id()}@onevoice.test", password_hash="!")
        session.add(user)
    return user.id


def a_video(engine: Engine, user_id: UUID | None = None, video_id: UUID | None = None, **values: object) -> UUID:
    """A READY video; its bytes are the test's business."""
    fields = {
        "status": VideoStatus.READY,
        "title": "A talk",
        "filename": "talk.mp4",
        "content_type": "video/mp4",
        "size_bytes": 1000,
        "etag": '"0"',
        "duration_seconds": 3.0,
        "has_video": True,
        **values,
    }
    with transaction(engine) as session:
        video = Video(id=video_id or new_id(), user_id=user_id or a_user(engine), **fields)
        session.add(video)
    return video.id


def a_job(engine: Engine, *languages: str, video_id: UUID | None = None, **values: object) -> UUID:
    """A PENDING job, due now."""
    video_id = video_id or a_video(engine)
    with transaction(engine) as session:
        video = session.get_one(Video, video_id)
        new = jobs.NewJob(
            user_id=video.user_id,
            video_id=video_id,
            original_s3_path=f"s3://bucket/originals/{video_id}",
            source_language="en",
            target_languages=languages or ("es",),
            source_transcript=None,
            options={},
        )
        job = session.get_one(Job, jobs.create(session, new).job_id)
        for name, value in values.items():
            setattr(job, name, value)
    return job.job_id
