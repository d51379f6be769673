"""fetch: the original, from the bucket to the local disk."""

from worker.artifacts import Artifact, Recipe
from worker.work import Work


def original_of(work: Work) -> Artifact:
    """The original as an artifact, named by its ETag: a changed object is refused (`original_changed`)."""
    original = work.original
    return Artifact(f"original-{original.etag.strip(chr(34))}", original.key, {}, etag=original.etag)


def fetch(work: Work, first: Recipe) -> None:
    """Fetch the original, unless what is made of it `first` is there: then whoever needs it after all fetches it."""
    with work.progress.stage("fetch") as step:
        if work.checkpoints.find([first]):
            return
        done = 0

        def told(count: int) -> None:
            nonlocal done
            done += count
            step.at(done / max(1, work.original.size_bytes))

        work.checkpoints.path(original_of(work), told)
        step.ran()
