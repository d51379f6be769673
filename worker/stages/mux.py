"""mux: the original's picture with the dub, the original sound as second track, and soft subtitles."""

from dataclasses import dataclass
from pathlib import Path

from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.media.ffmpeg import SubtitleTrack, container_for
from worker.progress import Step
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
    dub_cues, source_cues = _dub_cues(sound, spoken, placed), _source_cues(sound, heard)
    texts = {language: to_srt(dub_cues), heard.transcript.language: to_srt(source_cues)}
    embedded = texts if work.request.subtitles == "embedded" else {}
    with work.progress.stage("mux", language) as step:
        joining = _Joining(work, language, heard.transcript.language, sound, mixed, embedded, step)
        file = work.checkpoints.make(joining.recipe(), joining.build)
        step.ran(whole=file.made)
    return Muxed(file, container_for(sound.media), dub_cues, source_cues, tuple(file.facts["warnings"]))


@dataclass(frozen=True)
class _Joining:
    """What one language's file is made of; `texts` are its subtitles (SRT) by language."""

    work: Work
    language: str
    source_language: str
    sound: Extracted
    mixed: Mixed
    texts: dict[str, str]
    step: Step

    def recipe(self) -> Recipe:
        inputs = (self.sound.source.file.fingerprint, self.mixed.sound.fingerprint)
        options = {"subtitles": self.texts, "language": self.language, "source_language": self.source_language}
        return Recipe("mux", VERSION, inputs, options, suffix=f".{container_for(self.sound.media)}")

    def build(self, out: Path) -> Facts:
        checkpoints = self.work.checkpoints
        muxed = ffmpeg.mux(
            checkpoints.path(self.sound.source.file),
            self.sound.media,
            checkpoints.path(self.mixed.sound),
            out,
            language=self.language,
            source_language=self.source_language,
            subtitles=self._written(),
            told=self.step.at,
        )
        return {"warnings": list(muxed.warnings), "size_bytes": out.stat().st_size}

    def _written(self) -> list[SubtitleTrack]:
        """The subtitles as files, in a place of this language's own: others write the source's too."""
        tracks = []
        for language, text in self.texts.items():
            if text.strip():
                path = self.work.scratch / f"subtitles.{self.language}.{language}.srt"
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
