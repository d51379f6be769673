"""mux: the original's picture with the dub, the original sound as second track, and subtitles."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.media.ffmpeg import Joining, Retiming, SoundTrack, SubtitleTrack, container_for
from worker.progress import Step
from worker.stages.captions import Captions
from worker.stages.mix import Mixed
from worker.stages.scene import Scene
from worker.subtitles import Cue, to_ass, to_srt
from worker.work import Work

VERSION = 4
# Where a file does not say how large its picture is.
USUAL_SIZE = (1280, 720)
LOST = "Stream {index} (audio) is damaged: it could not be slowed with the picture and was left out."


@dataclass(frozen=True)
class Muxed:
    """The finished file (None: not asked for), its container (`mp4`, `mkv`, `m4a`), and what could not be kept.

    `missing_letters` are those that no font here has, so that subtitles are a track instead of being drawn.
    """

    file: Artifact | None
    container: str
    warnings: tuple[str, ...] = ()
    missing_letters: str = ""


def mux(work: Work, language: str, scene: Scene, captions: Captions, mixed: Mixed) -> Muxed:
    """Join everything, the video's packets untouched unless subtitles are drawn."""
    media = scene.sound.media
    if "video_per_language" not in work.request.outputs and (media.video or "audio" not in work.request.outputs):
        return Muxed(None, container_for(media))
    with work.progress.stage("mux", language) as step:
        joining = _Joining(work, language, scene, captions, mixed, step)
        file = work.checkpoints.make(joining.recipe(), joining.build)
        step.ran(whole=file.made)
    facts = file.facts
    return Muxed(file, joining.container, tuple(facts["warnings"]), facts["missing_letters"])


@dataclass(frozen=True)
class _Joining:
    """What one language's file is made of."""

    work: Work
    language: str
    scene: Scene
    captions: Captions
    mixed: Mixed
    step: Step

    @property
    def is_drawn(self) -> bool:
        """Whether subtitles are to be drawn, and there is something to draw."""
        return self.work.request.subtitles == "burned_in" and bool(self.captions.dub)

    @property
    def container(self) -> str:
        """The file's kind."""
        return container_for(self.scene.sound.media, drawn=self.is_drawn)

    def recipe(self) -> Recipe:
        """Named by all that goes into it."""
        inputs = (self.scene.sound.source.file.fingerprint, self.mixed.sound.fingerprint)
        options = {
            "subtitles": self.work.request.subtitles,
            "texts": [(text, language, title) for text, language, title in self._texts()],
            "drawn": self._drawn() if self.is_drawn else None,
            "language": self.language,
            "source_language": self._source_language,
            "slows": [asdict(slow) for slow in self.scene.warp.slows],
            "stream": self.scene.sound.media.audio and self.scene.sound.media.audio.index,
            "lost": list(self.scene.lost),
        }
        return Recipe("mux", VERSION, inputs, options, suffix=f".{self.container}")

    def build(self, out: Path) -> Facts:
        """Join it into `out`."""
        drawn, missing = self._drawing(out) if self.is_drawn else (None, "")
        original, media = self.work.checkpoints.path(self.scene.sound.source.file), self.scene.sound.media
        joining = Joining(
            (SoundTrack(self.work.checkpoints.path(self.mixed.sound), self.language),),
            self._source_language,
            self._tracks(out, soft=drawn is None),
            drawn=drawn,
            cut=self.scene.sound.source.cut,
            **self._on_its_clock(original, out),
        )
        streams = tuple(stream for stream in media.streams if stream.index not in self.scene.lost)
        muxed = ffmpeg.mux(original, replace(media, streams=streams), joining, out, told=self.step.at)
        for path in out.parent.glob(f"{out.name}.*"):
            path.unlink()
        warnings = [*muxed.warnings, *(LOST.format(index=index) for index in self.scene.lost)]
        return {"warnings": warnings, "size_bytes": out.stat().st_size, "missing_letters": missing}

    @property
    def _source_language(self) -> str:
        return self.scene.heard.transcript.language

    def _drawn(self) -> str:
        """What is drawn, as ASS."""
        return to_ass(self.captions.both if self.work.request.bilingual else self.captions.dub, *self._size())

    def _size(self) -> tuple[int, int]:
        video = self.scene.sound.media.video
        return (video.width, video.height) if video and video.width and video.height else USUAL_SIZE

    def _drawing(self, out: Path) -> tuple[Path | None, str]:
        """What to draw, and the letters for which there is no font; with any of those nothing is drawn."""
        drawn, tried = out.with_name(f"{out.name}.ass"), out.with_name(f"{out.name}.letters.ass")
        drawn.write_text(self._drawn(), encoding="utf-8")
        letters = "".join(sorted(set(drawn.read_text(encoding="utf-8"))))
        tried.write_text(to_ass([Cue(0.0, 9.0, letters)], *USUAL_SIZE), encoding="utf-8")
        missing = ffmpeg.missing_letters(tried)
        return (None if missing else drawn), missing

    def _on_its_clock(self, original: Path, out: Path) -> Facts:
        """What a slowed scene needs beside."""
        clock = self.scene.warp
        if clock.is_identity:
            return {}
        path, media = self.work.checkpoints.path, self.scene.sound.media
        languages = {stream.index: stream.language for stream in media.streams}
        return {
            "remade": {
                index: SoundTrack(path(artifact), languages[index]) for index, artifact in self.scene.originals.items()
            },
            "retiming": Retiming(tuple((slow.start, slow.end - slow.start, slow.ratio - 1) for slow in clock.slows)),
            "seconds": clock.duration,
            "chapters": ffmpeg.moved_chapters(original, clock.at, out.with_name(f"{out.name}.chapters")),
        }

    def _texts(self) -> list[tuple[str, str, str | None]]:
        """The subtitles (SRT) that are tracks: the dub's, the source's, and both."""
        if self.work.request.subtitles not in ("embedded", "burned_in"):
            return []
        dub, source, both = (to_srt(cues) for cues in (self.captions.dub, self.captions.source, self.captions.both))
        texts: list[tuple[str, str, str | None]] = [
            (dub, self.language, None),
            (source, self._source_language, "Original"),
        ]
        if self.work.request.bilingual:
            texts.append((both, self.language, f"{self.language} + {self._source_language}"))
        return [text for text in texts if text[0].strip()]

    def _tracks(self, out: Path, *, soft: bool) -> list[SubtitleTrack]:
        """The subtitles as files; what is drawn is no track too."""
        tracks = []
        for number, (text, language, title) in enumerate(self._texts() if soft else ()):
            path = out.with_name(f"{out.name}.{number}.srt")
            path.write_text(text, encoding="utf-8")
            tracks.append(SubtitleTrack(path, language, title))
        return tracks
