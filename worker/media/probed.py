"""What a local file is made of."""

from pathlib import Path

from shared.errors import AppError, PermanentError
from shared.videos.facts import MediaFacts
from shared.videos.probe import probe


def facts_of(path: Path) -> MediaFacts:
    """The streams of the file. Raises PermanentError with the probe's codes (`not_media`, `truncated`, …)."""
    with path.open("rb") as file:

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        try:
            return probe(read, path.stat().st_size, thumbnail=False).facts
        except AppError as error:
            raise PermanentError(error.code, error.message) from error
