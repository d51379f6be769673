"""A file as the probe reads it."""

from pathlib import Path

from shared.videos.probe import Probed, probe


class Counted:
    """A file's bytes, counted."""

    def __init__(self, path: Path) -> None:
        self.path, self.count = path, 0

    def __call__(self, offset: int, length: int) -> bytes:
        self.count += length
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def probed(self, **options: bool) -> Probed:
        return probe(self, self.path.stat().st_size, **options)
