"""fetch: the original, from the bucket to the local disk."""

from worker.artifacts import Artifact
from worker.work import Work


def fetch(work: Work) -> Artifact:
    """The original as an artifact; it is named by its ETag, and a changed object is refused (`original_changed`)."""
    work.progress.begin("fetch")
    original = work.original
    artifact = Artifact(f"original-{original.etag.strip(chr(34))}", original.key, {}, etag=original.etag)
    work.checkpoints.path(artifact)
    return artifact
