"""publish: the files a user can download, under the job's prefix, and the dub marked ready."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from shared.db import transaction
from shared.dubbing import jobs
from shared.models import Result
from shared.storage import results_prefix
from worker.report import Dubbed, report
from worker.subtitles import to_srt, to_vtt
from worker.work import Work

CONTENT_TYPES = {"mp4": "video/mp4", "mkv": "video/x-matroska", "m4a": "audio/mp4"}


@dataclass(frozen=True)
class _Document:
    """A small text file among the results."""

    kind: str
    filename: str
    content_type: str
    text: str


def publish(work: Work, dubbed: Dubbed) -> None:
    """Put the results where the user can fetch them, and finish the dub. Raises LeaseLostError."""
    work.progress.begin("publish", dubbed.language)
    prefix = f"{results_prefix(work.held.job_id)}{dubbed.language}/{work.held.lease_token}/"
    results = [*_media(work, dubbed, prefix), *_documents(work, dubbed, prefix)]
    with transaction(work.engine) as session:
        jobs.finish_dub(session, work.held, dubbed.language, work.storage.path(prefix), results)
    for artifact in (dubbed.placed.track, dubbed.mixed.sound, dubbed.muxed.file):
        work.checkpoints.drop_local(artifact)


def _media(work: Work, dubbed: Dubbed, prefix: str) -> Iterator[Result]:
    """The dubbed file and its sound alone, copied within the bucket."""
    name = PurePath(work.original.filename).stem or "video"
    container = dubbed.muxed.container
    files = [("dubbed_audio", dubbed.mixed.sound, "m4a")]
    if container != "m4a":
        files.insert(0, ("dubbed_video", dubbed.muxed.file, container))
    else:
        files = [("dubbed_audio", dubbed.muxed.file, "m4a")]
    for kind, artifact, ending in files:
        key = f"{prefix}{kind}.{ending}"
        work.checkpoints.copy(artifact, key, CONTENT_TYPES[ending])
        size = artifact.facts["size_bytes"]
        filename = f"{name}.{dubbed.language}.{ending}"
        yield _result(work, dubbed.language, kind, key, filename, CONTENT_TYPES[ending], size)


def _documents(work: Work, dubbed: Dubbed, prefix: str) -> Iterator[Result]:
    for document in _texts(PurePath(work.original.filename).stem or "video", dubbed):
        key = f"{prefix}{document.kind}{PurePath(document.filename).suffix}"
        body = document.text.encode()
        work.storage.put(key, body, document.content_type)
        yield _result(work, dubbed.language, document.kind, key, document.filename, document.content_type, len(body))


def _texts(name: str, dubbed: Dubbed) -> Iterator[_Document]:
    source, target = dubbed.heard.transcript.language, dubbed.language
    for kind, language, cues in (
        ("dub_subtitles", target, dubbed.muxed.dub_cues),
        ("source_subtitles", source, dubbed.muxed.source_cues),
    ):
        yield _Document(kind, f"{name}.{language}.srt", "application/x-subrip", to_srt(cues))
        yield _Document(kind, f"{name}.{language}.vtt", "text/vtt", to_vtt(cues))
    transcript = dubbed.heard.transcript.to_dict()
    yield _Document("transcript", f"{name}.{source}.transcript.json", "application/json", _json(transcript))
    yield _Document("report", f"{name}.{target}.report.json", "application/json", _json(report(dubbed)))


def _result(
    work: Work, language: str, kind: str, key: str, filename: str, content_type: str, size_bytes: int
) -> Result:
    return Result(
        job_id=work.held.job_id,
        language=language,
        kind=kind,
        key=key,
        filename=filename,
        content_type=content_type,
        size_bytes=size_bytes,
    )


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)
