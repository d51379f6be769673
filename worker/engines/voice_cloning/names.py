"""What the clones that this service makes are called at the providers. Pure."""

import hashlib
from uuid import UUID

from shared.config import Settings

CLONE = "onevoice-clone-"


def prefix(settings: Settings) -> str:
    """The beginning of the names of this installation's clones: others may share the account at the provider."""
    return f"{CLONE}{hashlib.sha256(settings.s3_bucket.encode()).hexdigest()[:8]}-"


def name(settings: Settings, clone_id: UUID) -> str:
    """The name of the clone whose row has this id."""
    return f"{prefix(settings)}{clone_id.hex}"
