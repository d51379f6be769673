"""A translation that came with the job, and given transcripts cut to the stretch that is dubbed. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from shared.dubbing.excerpt import Range
from shared.dubbing.transcript import GivenLine, GivenTranscript, Segment, Transcript
from shared.errors import PermanentError
from worker.given_transcript import from_their_beginning, snapped
from worker.spans import Span

LEAST_SHARE_INSIDE = 0.5  # of a line that the edge of the stretch cuts


def excerpted(given: GivenTranscript, stretch: Range | None) -> GivenTranscript:
    """The lines of which at least half lies within `stretch` (of the original), timed from its start.

    Raises PermanentError `excerpt_needs_times`.
    """
    if stretch is None:
        return given
    if not given.timed:
        message = "Only a transcript with times can be cut to an excerpt. Give one with times, or dub the whole video."
        raise PermanentError("excerpt_needs_times", message)
    return GivenTranscript(tuple(line for _, line in _inside(given, stretch)))


def lines_of(
    given: GivenTranscript,
    language: str,
    heard: Transcript,
    voiced: Sequence[Span],
    *,
    duration: float,
    source: GivenTranscript | None = None,
    stretch: Range | None = None,
) -> tuple[Segment, ...]:
    """What is said in `language`, and when: at its own times, moved to the voices, or at those of the lines of `heard`.

    A voice that was found late begins where its line of `heard` does, which was looked at more closely.

    `source` is the transcript that came with the job, whole; `stretch` what of the original is dubbed, `duration`
    seconds of it. Raises PermanentError `target_transcript_mismatch`, `transcript_does_not_match`.
    """
    if given.timed:
        begun = from_their_beginning(voiced, (line.start for line in heard.segments), lambda *_: True)
        placed = snapped(excerpted(given, stretch), language, begun, duration).segments
        return placed if given.names_speakers else tuple(_in_the_voice_of(heard, line) for line in placed)
    lines = _beside(given, source, stretch)
    if len(lines) != len(heard.segments):
        raise PermanentError(
            "target_transcript_mismatch",
            f"The translation into “{language}” has {len(lines)} lines and no times, but {len(heard.segments)} lines "
            "are spoken in the video. Give one line for each, or lines with times.",
        )
    pairs = zip(heard.segments, lines, strict=True)
    return tuple(replace(segment, text=line.text, words=()) for segment, line in pairs)


def _in_the_voice_of(heard: Transcript, line: Segment) -> Segment:
    """`line` with the speaker who is heard meanwhile, longest of all; else its own."""

    def shared(other: Segment) -> float:
        return min(line.end, other.end) - max(line.start, other.start)

    longest = max(heard.segments, key=shared, default=None)
    return replace(line, speaker=longest.speaker) if longest and shared(longest) > 0 else line


def _beside(given: GivenTranscript, source: GivenTranscript | None, stretch: Range | None) -> Sequence[GivenLine]:
    """The lines of `given` in the order, and of the stretch, in which those of `source` that they translate come."""
    if source is None or not source.timed or len(source.lines) != len(given.lines):
        return given.lines
    inside = _inside(source, stretch) if stretch else list(enumerate(source.lines))
    return [given.lines[number] for number, _ in sorted(inside, key=lambda one: (one[1].start, one[1].end))]


def _inside(given: GivenTranscript, stretch: Range) -> list[tuple[int, GivenLine]]:
    kept = []
    for number, line in enumerate(given.lines):
        assert line.start is not None
        assert line.end is not None
        start, end = max(line.start, stretch.start), min(line.end, stretch.end)
        if end > start and end - start >= LEAST_SHARE_INSIDE * (line.end - line.start):
            kept.append((number, replace(line, start=start - stretch.start, end=end - stretch.start)))
    return kept
