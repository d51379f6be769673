"""The tables, one file a family."""

from shared.models.base import Base, new_id
from shared.models.jobs import Artifact, Dub, Job, Result
from shared.models.operations import EngineCapabilities, MaintenanceRun
from shared.models.users import User
from shared.models.videos import Video, VideoStatus

__all__ = [
    "Artifact",
    "Base",
    "Dub",
    "EngineCapabilities",
    "Job",
    "MaintenanceRun",
    "Result",
    "User",
    "Video",
    "VideoStatus",
    "new_id",
]
