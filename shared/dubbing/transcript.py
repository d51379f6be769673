"""The transcript: who said what, when. Frozen dataclasses, and the plain dicts they are stored as."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

DEFAULT_SPEAKER = "S1"
# Written without spaces between words: Japanese, Chinese, Thai, Lao, Khmer, Burmese.
UNSPACED = frozenset({"ja", "zh", "th", "lo", "km", "my"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its times (seconds from the start of the file) and the recogniser's confidence, 0 to 1."""

    text: str
    start: float
    end: float
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or breath group of one speaker. Times are seconds; `words` is empty when only the line is known."""

    id: int
    start: float
    end: float
    speaker: str
    text: str
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that is said in a file, in order of start."""

    language: str
    segments: tuple[Segment, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Every speaker once, in order of first appearance."""
        return tuple(dict.fromkeys(segment.speaker for segment in self.segments))

    def to_dict(self) -> dict[str, Any]:
        """The stored form: `{language, speakers, segments: [{id, start, end, speaker, text, words}]}`."""
        return {
            "language": self.language,
            "speakers": list(self.speakers),
            "segments": [asdict(segment) for segment in self.segments],
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Transcript":
        """Read the stored form back."""
        return cls(document["language"], tuple(map(_segment, document["segments"])))


@dataclass(frozen=True, slots=True)
class GivenLine:
    """A line of a transcript that came with the job: without times (None) it has to be force-aligned.

    `speaker` is None where the transcript does not say.
    """

    text: str
    start: float | None = None
    end: float | None = None
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class GivenTranscript:
    """A transcript that came with the job: all of its lines have times, or none has."""

    lines: tuple[GivenLine, ...]

    @property
    def timed(self) -> bool:
        """Whether the lines have times."""
        return all(line.start is not None for line in self.lines)

    @property
    def names_speakers(self) -> bool:
        """Whether it says who speaks; lines that do not say are DEFAULT_SPEAKER's then."""
        return any(line.speaker is not None for line in self.lines)

    def to_dict(self) -> dict[str, Any]:
        """The stored form."""
        return {"lines": [asdict(line) for line in self.lines]}

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "GivenTranscript":
        """Read the stored form back."""
        return cls(tuple(GivenLine(**line) for line in document["lines"]))


def numbered(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """The segments in order of start, with ids from 0."""
    ordered = sorted(segments, key=lambda segment: (segment.start, segment.end))
    return tuple(replace(segment, id=number) for number, segment in enumerate(ordered))


def _segment(item: dict[str, Any]) -> Segment:
    words = tuple(Word(**word) for word in item["words"])
    return Segment(item["id"], item["start"], item["end"], item["speaker"], item["text"], words)
