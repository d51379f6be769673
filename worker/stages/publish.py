"""publish: the files a user can download, under the job's prefix, and the dub marked ready."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from shared.db import transaction
from shared.dubbing import jobs
from shared.dubbing.jobs import NewResult
from shared.storage import results_prefix
from worker.report import Dubbed, report
from worker.stages.picture import drawn
from worker.subtitles import to_srt, to_vtt
from worker.work import Work

CONTENT_TYPES = {"mp4": "video/mp4", "mkv": "video/x-matroska", "m4a": "audio/mp4"}


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
        jobs.finish_dub(session, work.held, dubbed.language, work.storage.path(prefix), results)
    _drop_local(work, dubbed)


def _drop_local(work: Work, dubbed: Dubbed) -> None:
    """Give the disk space of one language back. Where nobody speaks, languages share their track and their sound."""
    work.checkpoints.drop_local(dubbed.muxed.file)
    if dubbed.placed.plan.placements:
        work.checkpoints.drop_local(dubbed.placed.track)
        work.checkpoints.drop_local(dubbed.mixed.sound)


def _media(work: Work, dubbed: Dubbed, prefix: str, name: str) -> Iterator[NewResult]:
    """The dubbed file and, beside a video, its sound alone; copied within the bucket."""
    container = dubbed.muxed.container
    files = [("dubbed_audio", dubbed.muxed.file, "m4a")]
    if container != "m4a":
        files = [("dubbed_video", dubbed.muxed.file, container), ("dubbed_audio", dubbed.mixed.sound, "m4a")]
    for kind, artifact, ending in files:
        key = f"{prefix}{kind}.{ending}"
        work.checkpoints.copy(artifact, key, CONTENT_TYPES[ending])
        filename = f"{name}.{dubbed.language}.{ending}"
        size = artifact.facts["size_bytes"]
        yield NewResult(dubbed.language, kind, key, filename, CONTENT_TYPES[ending], size)


def _documents(work: Work, dubbed: Dubbed, prefix: str, name: str) -> Iterator[NewResult]:
    for document in _texts(work, name, dubbed):
        key = f"{prefix}{document.kind}{PurePath(document.filename).suffix}"
        body = document.text.encode()
        work.storage.put(key, body, document.content_type)
        yield NewResult(document.language, document.kind, key, document.filename, document.content_type, len(body))


def _texts(work: Work, name: str, dubbed: Dubbed) -> Iterator[_Document]:
    source, target = dubbed.heard.transcript.language, dubbed.language
    if work.request.subtitles != "none":
        yield from _subtitles(name, dubbed)
    transcript = dubbed.heard.transcript.to_dict()
    yield _Document(None, "transcript", f"{name}.{source}.transcript.json", "application/json", _json(transcript))
    found = report(dubbed)
    yield _Document(target, "report", f"{name}.{target}.report.json", "application/json", _json(found))
    picture = drawn(work, dubbed, found)
    yield _Document(target, "report_picture", f"{name}.{target}.report.svg", "image/svg+xml", picture)


def _subtitles(name: str, dubbed: Dubbed) -> Iterator[_Document]:
    source, target = dubbed.heard.transcript.language, dubbed.language
    for kind, language, of, cues in (
        ("dub_subtitles", target, target, dubbed.muxed.dub_cues),
        ("source_subtitles", source, None, dubbed.muxed.source_cues),
    ):
        yield _Document(of, kind, f"{name}.{language}.srt", "application/x-subrip", to_srt(cues))
        yield _Document(of, kind, f"{name}.{language}.vtt", "text/vtt", to_vtt(cues))


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
