"""Whether the transcripts that came with a job can be those of its video. Pure."""

from collections.abc import Iterable, Sequence

from shared.dubbing.transcript import DEFAULT_SPEAKER, GivenLine, GivenTranscript
from shared.errors import AppError

# The fastest speakers say about 25 characters in a second; nothing that a person said is denser than this.
MOST_CHARACTERS_A_SECOND = 60
EVERYBODY = "default"
SHOWN = 60  # characters of a line, so that it is found


def check(given: Sequence[GivenTranscript], speakers: Iterable[str], duration_seconds: float | None) -> None:
    """`speakers` are those that voices or registers are asked for; the duration is the video's.

    Raises AppError (422) `transcript_too_long`, `transcript_does_not_match`, `unknown_speaker`.
    """
    if duration_seconds is not None:
        for transcript in given:
            _check_length(transcript, duration_seconds)
            _check_times(transcript, duration_seconds)
    _check_speakers([line for transcript in given for line in transcript.lines], speakers)


def _check_length(given: GivenTranscript, duration_seconds: float) -> None:
    characters = sum(len(line.text) for line in given.lines)
    if characters > MOST_CHARACTERS_A_SECOND * duration_seconds:
        raise AppError(
            "transcript_too_long",
            f"Nobody says {characters} characters in the {duration_seconds:.1f} seconds that the video lasts. "
            "Give the transcript of this video.",
            422,
        )


def _check_times(given: GivenTranscript, duration_seconds: float) -> None:
    late = next((line for line in given.lines if line.start is not None and line.start > duration_seconds), None)
    if late is not None:
        raise AppError(
            "transcript_does_not_match",
            f"The line {_shown(late)} starts at {late.start:.1f} seconds, but the video ends at {duration_seconds:.1f}."
            " Give the transcript of this video.",
            422,
        )


def _check_speakers(lines: Sequence[GivenLine], speakers: Iterable[str]) -> None:
    known = list(dict.fromkeys(line.speaker or DEFAULT_SPEAKER for line in lines))
    unknown = next((speaker for speaker in speakers if speaker not in {*known, EVERYBODY}), None)
    if unknown is not None:
        raise AppError(
            "unknown_speaker",
            f"Nobody in the transcript is called “{unknown}”. There are: {', '.join(known[:20])}.",
            422,
            details={"speaker": unknown, "speakers": known[:100]},
        )


def _shown(line: GivenLine) -> str:
    return f"“{line.text}”" if len(line.text) <= SHOWN else f"“{line.text[:SHOWN]}…”"
