"""assemble: one file with the original and every language that is ready, anew whenever there are more of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from shared import log
from shared.db import transaction
from shared.dubbing import dubs
from shared.dubbing.dubs import NewResult
from shared.errors import PermanentError, TransientError
from shared.storage import ObjectChangedError, results_prefix
from worker.media import ffmpeg
from worker.media.ffmpeg import Joining, SoundTrack, SubtitleTrack, container_for
from worker.progress import Step
from worker.report import Dubbed, stream_warnings
from worker.stages.captions import heard_lines
from worker.stages.extract import Extracted
from worker.stages.transcribe import Heard
from worker.subtitles import cues, to_srt
from worker.work import Work

KIND = "multi_audio_video"
CONTENT_TYPES = {"mp4": "video/mp4", "mkv": "video/x-matroska", "m4a": "audio/mp4", "flac": "audio/flac"}
_SOUND, _SUBTITLES = "track.m4a", "track.srt"

logger = log.get(__name__)


def for_assembly(work: Work, dubbed: Dubbed, prefix: str) -> None:
    """Lay the language's sound and subtitles beside its results: they outlive the artifacts."""
    work.checkpoints.copy(dubbed.mixed.sound, f"{prefix}{_SOUND}", CONTENT_TYPES["m4a"])
    work.storage.put(f"{prefix}{_SUBTITLES}", to_srt(dubbed.captions.dub).encode(), "application/x-subrip")


def assemble(work: Work, sound: Extracted, heard: Heard) -> None:
    """Join all languages that are ready, of this round and of earlier ones, in place of what there was before.

    Where that can't be done the languages stay as they are, and the file's report says why. Raises LeaseLostError.
    """
    with transaction(work.engine) as session:
        ready = dubs.ready(session, work.held.job_id)
    if not ready:
        return
    logger.info("assembling", languages=[one.language for one in ready])
    prefix = f"{results_prefix(work.held.job_id)}all/{work.held.lease_token}/"
    with work.progress.stage("assemble") as step:
        results = _made(work, _Assembly(work, sound, heard, prefix, step), ready)
    with transaction(work.engine) as session:
        replaced = dubs.replace_results(session, work.held, KIND, results)
    work.storage.delete(replaced)


def _made(work: Work, assembly: "_Assembly", ready: Sequence[dubs.Ready]) -> list[NewResult]:
    """The file and its report, or the report alone."""
    try:
        results = assembly.results(ready)
    except PermanentError as error:
        logger.warning("assembly failed", code=error.code, message=error.message)
        failed = {"languages": [], "warnings": [], "error": {"code": error.code, "message": error.message}}
        return [_report(work, assembly.prefix, failed)]
    assembly.step.ran()
    return results


def stored_bytes(work: Work, key: str) -> int:
    """The size of an object of ours. Raises TransientError when it is gone."""
    stored = work.storage.head(key)
    if stored is None:
        raise TransientError("artifact_missing", "A file that was just stored is gone; it is made again.")
    return stored.size_bytes


@dataclass(frozen=True)
class _Assembly:
    """One file for all languages."""

    work: Work
    sound: Extracted
    heard: Heard
    prefix: str
    step: Step

    def results(self, ready: Sequence[dubs.Ready]) -> list[NewResult]:
        """The file and its report, in the bucket."""
        container = container_for(self.sound.media)
        out = self.work.scratch / f"{KIND}.{container}"
        original = self.work.checkpoints.path(self.sound.source.file)
        muxed = ffmpeg.mux(original, self.sound.media, self._joining(ready), out, told=self.step.at)
        key = f"{self.prefix}{KIND}.{container}"
        self.work.storage.upload(out, key, CONTENT_TYPES[container])
        filename, size = f"{_stem(self.work)}.all.{container}", out.stat().st_size
        self._clear()
        said = {
            "languages": [one.language for one in ready],
            "warnings": stream_warnings(muxed.warnings),
            "error": None,
        }
        return [
            NewResult(None, KIND, key, filename, CONTENT_TYPES[container], size),
            _report(self.work, self.prefix, said),
        ]

    def _joining(self, ready: Sequence[dubs.Ready]) -> Joining:
        source = self.heard.transcript.language
        tracks = [SoundTrack(self._fetched(one, _SOUND), one.language) for one in ready]
        return Joining(tracks, source, self._subtitles(ready, source), original_first=True, cut=self.sound.source.cut)

    def _subtitles(self, ready: Sequence[dubs.Ready], source: str) -> list[SubtitleTrack]:
        """The source's and every language's; none where none are wanted, nor an empty one."""
        if self.work.request.subtitles in ("none", "files"):
            return []
        own = self.work.scratch / f"{KIND}.source.srt"
        own.write_text(to_srt(cues(heard_lines(self.heard), self.sound.seconds)), encoding="utf-8")
        tracks = [SubtitleTrack(own, source, "Original")]
        tracks += [SubtitleTrack(self._fetched(one, _SUBTITLES), one.language) for one in ready]
        return [track for track in tracks if track.path.stat().st_size]

    def _fetched(self, one: dubs.Ready, name: str) -> Path:
        path = self.work.scratch / f"{KIND}.{one.language}.{name}"
        try:
            self.work.storage.download(f"{one.prefix}{name}", path)
        except ObjectChangedError as error:
            raise PermanentError("result_missing", f"The files of “{one.language}” are gone.") from error
        return path

    def _clear(self) -> None:
        for path in self.work.scratch.glob(f"{KIND}.*"):
            path.unlink()


def _report(work: Work, prefix: str, said: dict[str, Any]) -> NewResult:
    """Which languages are in the file, or why there is none."""
    key, body = f"{prefix}{KIND}.json", json.dumps(said, ensure_ascii=False, indent=2).encode()
    work.storage.put(key, body, "application/json")
    return NewResult(None, f"{KIND}_report", key, f"{_stem(work)}.all.report.json", "application/json", len(body))


def _stem(work: Work) -> str:
    return PurePath(work.original.filename).stem or "video"
