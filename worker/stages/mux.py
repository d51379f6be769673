"""mux: the original's picture with the dub, the original sound as second track, and soft subtitles."""

from dataclasses import dataclass
from pathlib import Path

from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.media.ffmpeg import SubtitleTrack, container_for
from worker.stages.align import Placed
from worker.stages.extract import Extracted
from worker.stages.mix import Mixed
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.subtitles import Cue, SubtitleLine, cues, to_srt
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class Muxed:
    """The finished file, its container (`mp4`, `mkv`, `m4a`), its subtitles and what could not be kept."""

    file: Artifact
    container: str
    dub_cues: list[Cue]
    source_cues: list[Cue]
    warnings: tuple[str, ...]


def mux(
    work: Work, language: str, sound: Extracted, heard: Heard, spoken: Spoken, placed: Placed, mixed: Mixed
) -> Muxed:
    """Join everything, the video's packets untouched."""
    work.progress.begin("mux", language)
    container = container_for(sound.media)
    dub_cues, source_cues = _dub_cues(sound, spoken, placed), _source_cues(sound, heard)
    texts = {language: to_srt(dub_cues), heard.transcript.language: to_srt(source_cues)}
    recipe = Recipe(
        "mux",
        VERSION,
        (sound.original.fingerprint, mixed.sound.fingerprint),
        {"subtitles": texts, "language": language, "source_language": heard.transcript.language},
        suffix=f".{container}",
    )

    def build(out: Path) -> Facts:
        muxed = ffmpeg.mux(
            work.checkpoints.path(sound.original),
            sound.media,
            work.checkpoints.path(mixed.sound),
            out,
            language=language,
            source_language=heard.transcript.language,
            subtitles=_write(work, texts),
        )
        return {"warnings": list(muxed.warnings), "size_bytes": out.stat().st_size}

    file = work.checkpoints.make(recipe, build)
    return Muxed(file, container, dub_cues, source_cues, tuple(file.facts["warnings"]))


def _write(work: Work, texts: dict[str, str]) -> list[SubtitleTrack]:
    tracks = []
    for language, text in texts.items():
        if text.strip():
            path = work.scratch / f"subtitles.{language}.srt"
            path.write_text(text, encoding="utf-8")
            tracks.append(SubtitleTrack(path, language))
    return tracks


def _dub_cues(sound: Extracted, spoken: Spoken, placed: Placed) -> list[Cue]:
    """What is said, where it is said."""
    texts = {line.id: line.text for line in spoken.lines}
    lines = [SubtitleLine(line.start, line.end, texts[line.id], "") for line in placed.plan.placements]
    return cues(lines, sound.seconds)


def _source_cues(sound: Extracted, heard: Heard) -> list[Cue]:
    lines = [SubtitleLine(line.start, line.end, line.text, line.speaker) for line in heard.transcript.segments]
    return cues(lines, sound.seconds)
