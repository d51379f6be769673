"""publish: the files a user can download, under the job's prefix, and the dub marked ready."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from shared.db import transaction
from shared.dubbing import dubs
from shared.dubbing.dubs import NewResult
from shared.storage import results_prefix
from worker.artifacts import Artifact, Facts, Recipe
from worker.media import ffmpeg
from worker.media.ffmpeg import SoundTrack
from worker.report import Dubbed, report
from worker.stages.assemble import CONTENT_TYPES, for_assembly, stored_bytes
from worker.stages.picture import drawn
from worker.subtitles import to_srt, to_vtt
from worker.work import Work

VERSION = 1


@dataclass(frozen=True)
class _Document:
    """A small text file among the results; `language` is None for what belongs to the source."""

    language: str | None
    kind: str
    filename: str
    content_type: str
    text: str


def publish(work: Work, dubbed: Dubbed) -> None:
    """Put the results where the user can fetch them, and finish the dub. Raises LeaseLostError."""
    with work.progress.stage("publish", dubbed.language) as step:
        prefix = f"{results_prefix(work.held.job_id)}{dubbed.language}/{work.held.lease_token}/"
        name = PurePath(work.original.filename).stem or "video"
        results = [*_media(work, dubbed, prefix, name), *_documents(work, dubbed, prefix, name)]
        step.ran()
    with transaction(work.engine) as session:
        dubs.finish(session, work.held, dubbed.language, work.storage.path(prefix), results)
    _drop_local(work, dubbed)


def _drop_local(work: Work, dubbed: Dubbed) -> None:
    """Give the disk space of one language back. Where nobody speaks, languages share their track and their sound."""
    files = [dubbed.muxed.file, *dubbed.scene.originals.values()]
    if dubbed.placed.plan.placements:
        files += [dubbed.placed.track, dubbed.mixed.sound]
    if not dubbed.scene.warp.is_identity:
        files += [dubbed.scene.sound.sound, dubbed.scene.bed.artifact]
    for artifact in filter(None, files):
        work.checkpoints.drop_local(artifact)


def _media(work: Work, dubbed: Dubbed, prefix: str, name: str) -> Iterator[NewResult]:
    """The dubbed file, its sound alone and its stems, as far as they are asked for; copied within the bucket."""
    language, stem = dubbed.language, f"{name}.{dubbed.language}"
    for kind, artifact, filename in _files(work, dubbed, stem):
        ending = PurePath(filename).suffix[1:]
        key = f"{prefix}{kind}.{ending}"
        work.checkpoints.copy(artifact, key, CONTENT_TYPES[ending])
        size = artifact.facts.get("size_bytes") or stored_bytes(work, key)
        yield NewResult(language, kind, key, filename, CONTENT_TYPES[ending], size)
    if "multi_audio_video" in work.request.outputs:
        for_assembly(work, dubbed, prefix)


def _files(work: Work, dubbed: Dubbed, stem: str) -> Iterator[tuple[str, Artifact, str]]:
    """What each kind of media is, and the name it gets."""
    outputs, file, container = work.request.outputs, dubbed.muxed.file, dubbed.muxed.container
    if file is not None:
        yield "dubbed_audio" if container == "m4a" else "dubbed_video", file, f"{stem}.{container}"
    if "audio" in outputs and container != "m4a":
        yield "dubbed_audio", _tagged(work, dubbed), f"{stem}.m4a"
    if "stems" in outputs:
        yield "voice_stem", dubbed.placed.track, f"{stem}.voice.flac"
        yield "background_stem", dubbed.scene.bed.artifact, f"{stem}.background.flac"


def _tagged(work: Work, dubbed: Dubbed) -> Artifact:
    """The dub's sound, which says its language."""
    sound = dubbed.mixed.sound

    def build(out: Path) -> Facts:
        ffmpeg.tag_sound(SoundTrack(work.checkpoints.path(sound), dubbed.language), out)
        return {"size_bytes": out.stat().st_size}

    recipe = Recipe("audio", VERSION, (sound.fingerprint,), {"language": dubbed.language}, suffix=".m4a")
    return work.checkpoints.make(recipe, build)


def _documents(work: Work, dubbed: Dubbed, prefix: str, name: str) -> Iterator[NewResult]:
    for document in _texts(work, name, dubbed):
        key = f"{prefix}{document.kind}{PurePath(document.filename).suffix}"
        body = document.text.encode()
        work.storage.put(key, body, document.content_type)
        yield NewResult(document.language, document.kind, key, document.filename, document.content_type, len(body))


def _texts(work: Work, name: str, dubbed: Dubbed) -> Iterator[_Document]:
    source, target = dubbed.heard.transcript.language, dubbed.language
    if work.request.subtitles != "none" and "subtitles" in work.request.outputs:
        yield from _subtitles(name, dubbed, both=work.request.bilingual)
    transcript = dubbed.heard.transcript.to_dict()
    yield _Document(None, "transcript", f"{name}.{source}.transcript.json", "application/json", _json(transcript))
    found = report(dubbed)
    yield _Document(target, "report", f"{name}.{target}.report.json", "application/json", _json(found))
    picture = drawn(work, dubbed, found)
    yield _Document(target, "report_picture", f"{name}.{target}.report.svg", "image/svg+xml", picture)


def _subtitles(name: str, dubbed: Dubbed, *, both: bool) -> Iterator[_Document]:
    """A slowed file has the source's subtitles on its own clock; else all languages share them."""
    source, target = dubbed.heard.transcript.language, dubbed.language
    shared = dubbed.scene.warp.is_identity
    original = f"{name}.{source}" if source != target and shared else f"{name}.{target}.original"
    kinds = [
        ("dub_subtitles", target, f"{name}.{target}", dubbed.captions.dub),
        ("source_subtitles", None if shared else target, original, dubbed.captions.source),
    ]
    if both:
        kinds.append(("bilingual_subtitles", target, f"{name}.{target}.bilingual", dubbed.captions.both))
    for kind, language, stem, cues in kinds:
        yield _Document(language, kind, f"{stem}.srt", "application/x-subrip", to_srt(cues))
        yield _Document(language, kind, f"{stem}.vtt", "text/vtt", to_vtt(cues))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
