"""What a local file is made of."""

from dataclasses import replace
from pathlib import Path

from shared.errors import AppError, PermanentError
from shared.videos.facts import MediaFacts
from shared.videos.probe import probe
from worker.media.tracks import iso639_2


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


def with_sound(facts: MediaFacts, track: int | None, language: str | None) -> MediaFacts:
    """The facts with the sound to dub chosen: the `track` that was asked for (from 1), else one in `language` (BCP-47),
    the default one first, else the default one. Raises PermanentError `no_such_audio_track`.
    """
    sounds = [stream for stream in facts.streams if stream.kind == "audio"]
    if track is not None:
        if track > len(sounds):
            there = f"{len(sounds)} sounds" if len(sounds) != 1 else "one sound"
            raise PermanentError("no_such_audio_track", f"The file has {there}: there is no number {track}.")
        return replace(facts, chosen=sounds[track - 1].index)
    spoken = [s for s in sounds if language and s.language and iso639_2(s.language) == iso639_2(language)]
    if not spoken or facts.audio in spoken:
        return facts
    return replace(facts, chosen=spoken[0].index)
