"""What the subtitles of one language say, and when. Pure."""

from dataclasses import dataclass

from shared.dubbing.transcript import Segment
from worker.stages.align import Placed
from worker.stages.scene import Scene
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.subtitles import Cue, SubtitleLine, bilingual, cues


@dataclass(frozen=True)
class Captions:
    """The dub's cues, the source's, and the dub's with the source's words beneath; on the dubbed file's clock."""

    dub: list[Cue]
    source: list[Cue]
    both: list[Cue]


def captions(scene: Scene, spoken: Spoken, placed: Placed) -> Captions:
    """What is said, where it is said."""
    seconds, texts = scene.sound.seconds, {line.id: line.text for line in spoken.lines}
    said = [SubtitleLine(line.start, line.end, texts[line.id], "") for line in placed.plan.placements]
    lines = {line.id: line for line in scene.translation.lines}
    sources = [source_text(scene.heard, lines[placement.id]) for placement in placed.plan.placements]
    both = bilingual(zip(said, sources, strict=True), seconds)
    return Captions(cues(said, seconds), cues(heard_lines(scene.heard), seconds), both)


def heard_lines(heard: Heard) -> list[SubtitleLine]:
    """What the source says."""
    return [SubtitleLine(line.start, line.end, line.text, line.speaker) for line in heard.transcript.segments]


def source_text(heard: Heard, line: Segment) -> str:
    """What is said meanwhile in the source: the line's own segment, or those that have their middle within it."""
    segments = heard.transcript.segments
    own = next((s for s in segments if (s.id, s.start, s.end) == (line.id, line.start, line.end)), None)
    within = [s for s in segments if line.start <= (s.start + s.end) / 2 < line.end]
    return own.text if own else " ".join(segment.text for segment in within)
