"""excerpt: where only a stretch of the video was asked for, a short file of it; all that follows works on that."""

from dataclasses import dataclass
from pathlib import Path

from shared.dubbing.excerpt import Range
from shared.errors import PermanentError
from shared.videos.facts import MediaFacts
from worker.artifacts import Artifact, Facts, Recipe
from worker.expectation import PREVIEW_SECONDS
from worker.media import ffmpeg, opening
from worker.media.probed import facts_of, with_sound
from worker.progress import Step
from worker.request import Request
from worker.stages.fetch import original_of
from worker.work import Work

VERSION = 1
# Seconds that a preview begins before the first word.
LEAD_IN_SECONDS = 1.0
_OPENING = "excerpt.opening"


@dataclass(frozen=True)
class Source:
    """The file that is dubbed, `seconds` long, and which stretch of the original it is (None: all of it).

    `cut`: it was cut out of the original, instead of being that.
    """

    file: Artifact
    seconds: float
    excerpt: Range | None
    cut: bool = False


def asked(work: Work) -> bool:
    """Whether only a stretch is wanted."""
    return work.request.preview or work.request.excerpt is not None


def first_recipe(work: Work) -> Recipe | None:
    """What is made of the original first; None where it is dubbed as it is."""
    if not asked(work):
        return None
    if work.request.preview and _first_line(work) is None:
        return _opening_recipe(work)
    wanted = _wanted(work, None)
    return None if _is_all(work, wanted) else _recipe(work, wanted)


def excerpt(work: Work) -> Source:
    """The stretch that was asked for. Raises PermanentError `media_unreadable`, `excerpt_failed`, …"""
    if not asked(work):
        return Source(original_of(work), work.original.duration_seconds, None)
    with work.progress.stage("excerpt") as step:
        wanted = _wanted(work, step)
        if _is_all(work, wanted):
            return Source(original_of(work), work.original.duration_seconds, wanted)
        file = work.checkpoints.make(_recipe(work, wanted), lambda out: _cut(work, wanted, out, step))
        step.ran(whole=file.made)
        start = file.facts["start"]
        return Source(file, wanted.end - wanted.start, Range(start, start + wanted.end - wanted.start), cut=True)


def _cut(work: Work, wanted: Range, out: Path, step: Step) -> Facts:
    original = work.checkpoints.path(original_of(work))
    seconds = wanted.end - wanted.start
    media = _media(work, original)
    start = ffmpeg.cut(original, media, out, start=wanted.start, seconds=seconds, told=step.at)
    return {"start": start}


def _wanted(work: Work, step: Step | None) -> Range:
    """From where to where, within the file."""
    duration, asked_for = work.original.duration_seconds, work.request.excerpt
    if asked_for is not None:
        return Range(asked_for.start, min(asked_for.end, duration))
    first = _first_line(work)
    if first is None and step is not None:
        first = _opening(work)
    start = max(0.0, (first or 0.0) - LEAD_IN_SECONDS)
    return Range(start, min(duration, start + PREVIEW_SECONDS))


def _is_all(work: Work, wanted: Range) -> bool:
    return wanted.start <= 0 and wanted.end >= work.original.duration_seconds


def _first_line(work: Work) -> float | None:
    """Where the first line of the given transcript begins, if there is one with times."""
    given = work.request.transcript
    starts = [line.start for line in given.lines if line.start is not None] if given else []
    return min(starts, default=None)


def _opening(work: Work) -> float | None:
    """Where somebody begins to speak (seconds); None: nobody does."""
    found: float | None = work.checkpoints.make_document(_opening_recipe(work), lambda: _heard(work)).content
    return found


def _heard(work: Work) -> float | None:
    path = work.checkpoints.path(original_of(work))
    sound = _media(work, path).audio
    if sound is None:
        raise PermanentError("no_audio", "The file has no sound to dub.")
    return opening.first_speech(ffmpeg.sound_blocks(path, stream_index=sound.index, rate=opening.RATE))


def _opening_recipe(work: Work) -> Recipe:
    return Recipe(_OPENING, VERSION, (original_of(work).fingerprint,), sound_options(work.request))


def _recipe(work: Work, wanted: Range) -> Recipe:
    options = {**wanted.to_dict(), **sound_options(work.request)}
    return Recipe("excerpt", VERSION, (original_of(work).fingerprint,), options, suffix=".media")


def sound_options(request: Request) -> dict[str, object]:
    """What the choice of the sound that is dubbed depends on."""
    return {"audio_track": request.audio_track, "source_language": request.source_language}


def _media(work: Work, path: Path) -> MediaFacts:
    """The original's streams, with the sound to dub chosen."""
    return with_sound(facts_of(path), work.request.audio_track, work.request.source_language)
