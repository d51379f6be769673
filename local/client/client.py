"""The client: one method for each call, and what takes several of them."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel

from local.client import calls
from local.client.bodies import (
    Background,
    Delivery,
    DeliveryStatus,
    Fit,
    Gender,
    Job,
    JobStatus,
    Language,
    MoreLanguages,
    NewEndpoint,
    NewImport,
    NewJob,
    NewTitle,
    NewVideo,
    Output,
    Range,
    Register,
    ResultFile,
    Subtitles,
    Video,
    VideoStatus,
    Voice,
    Webhook,
)
from local.client.connection import Connection, retry_after
from local.client.downloads import download
from local.client.errors import ClientError
from local.client.uploads import Progress, Sender, media_type

T = TypeVar("T", bound=BaseModel)
Transcript = str | dict[str, Any]
POLL_SECONDS = 3.0
PAGE = 100  # the most that the service gives at a time


class Client:
    """One user: who signed in, or whose `api_key` it is. Every method raises ClientError, with the service's code."""

    def __init__(self, url: str, api_key: str | None = None) -> None:
        self._connection = Connection(url, api_key)
        self._call = self._connection.call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def login(self, email: str, password: str) -> None:
        """Sign in, and again whenever the access token runs out."""
        self._connection.login(email, password)

    def languages(self) -> list[Language]:
        """What can be dubbed into what."""
        return self._call(calls.LANGUAGES).items

    def voices(
        self, language: str | None = None, gender: Gender | None = None, engine: str | None = None
    ) -> list[Voice]:
        """The voices, all or those that speak a language, are of a gender, are an engine's."""
        return self._call(calls.VOICES, query={"language": language, "gender": gender, "engine": engine}).items

    # Videos

    def upload(
        self,
        path: Path,
        progress: Progress | None = None,
        filename: str | None = None,
        title: str | None = None,
        announced: Callable[[str], object] | None = None,
    ) -> Video:
        """Announce the file at `path`, send its bytes and have it examined. `progress(sent, all)` in bytes.

        `announced` is told the video's id before the first byte is sent: with it the upload can be resumed.

        Raises ClientError with the video's id in `problem["video_id"]` when the bytes don't get through: `resume` it.
        """
        new = NewVideo(
            filename=filename or path.name, size_bytes=path.stat().st_size, content_type=media_type(path), title=title
        )
        made = self._call(calls.ANNOUNCE, new)
        if announced is not None:
            announced(made.video_id)
        try:
            return Sender(self._connection, made.video_id, path, progress).send(made.upload)
        except ClientError as error:
            error.problem.setdefault("video_id", made.video_id)
            raise

    def resume(self, video_id: str, path: Path, progress: Progress | None = None) -> Video:
        """Go on with an upload that was broken off, in this process or an earlier one; only what is missing is sent."""
        video = self.video(video_id)
        if video.status != "AWAITING_UPLOAD":
            return video
        if video.size_bytes != path.stat().st_size:
            raise ClientError(f"{path} is not the file that was announced: that one has {video.size_bytes} bytes.")
        sender = Sender(self._connection, video_id, path, progress)
        try:
            return sender.resume()
        except ClientError as error:
            if error.code != "not_uploading":  # all parts were put together, only the answer was lost
                raise
            return self._call(calls.UPLOADED, video_id=video_id)

    def abort(self, video_id: str) -> None:
        """Give an unfinished upload up."""
        self._call(calls.ABORT, video_id=video_id)

    def import_url(self, url: str, filename: str | None = None, title: str | None = None) -> Video:
        """Let the service fetch a video; it is IMPORTING, see `arrived`."""
        return self._call(calls.IMPORT, NewImport(url=url, filename=filename, title=title))

    def arrived(self, video_id: str, told: Callable[[Video], object] | None = None) -> Video:
        """The video once it is READY; `told` is called with it while it is not. Raises ClientError with its code when
        it is rejected."""
        while (video := self.video(video_id)).status == "IMPORTING":
            if told is not None:
                told(video)
            time.sleep(POLL_SECONDS)
        if video.error:
            raise ClientError(str(video.error), video.error.code)
        return video

    def videos(self, status: VideoStatus | None = None, page: int = PAGE) -> Iterator[Video]:
        """All videos, newest first, page by page."""
        for part in self._pages(calls.VIDEOS, page, status=status):
            yield from part.items

    def video(self, video_id: str) -> Video:
        """The video as it is now."""
        return self._call(calls.READ_VIDEO, video_id=video_id)

    def retitle(self, video_id: str, title: str) -> Video:
        """Give it another title."""
        return self._call(calls.RETITLE, NewTitle(title=title), video_id=video_id)

    def delete_video(self, video_id: str) -> None:
        """Delete it and all that was made from it."""
        self._call(calls.DELETE_VIDEO, video_id=video_id)

    # Jobs

    def dub(
        self,
        video_id: str,
        languages: Sequence[str],
        *,
        source_language: str | None = None,
        source_transcript: Transcript | None = None,
        target_transcripts: Mapping[str, Transcript] | None = None,
        voices: Mapping[str, str] | None = None,
        background: Background | None = None,
        subtitles: Subtitles | None = None,
        bilingual: bool | None = None,
        outputs: Sequence[Output] | None = None,
        fit: Fit | None = None,
        audio_track: int | None = None,
        range: Range | None = None,  # noqa: A002 - the API's own name
        preview: bool | None = None,
        speakers: int | None = None,
        listen_back: bool | None = None,
        voice_consent: bool | None = None,
        glossary: Mapping[str, str | None] | None = None,
        registers: Mapping[str, Register] | None = None,
        webhook_url: str | None = None,
    ) -> Job:
        """Order a dub into `languages`. Left out, a choice is the service's."""
        order = NewJob(
            video_id=video_id,
            target_languages=list(languages),
            source_language=source_language,
            source_transcript=source_transcript,
            target_transcripts=dict(target_transcripts) if target_transcripts else None,
            voices=dict(voices) if voices else None,
            background=background,
            subtitles=subtitles,
            bilingual=bilingual,
            outputs=list(outputs) if outputs else None,
            fit=fit,
            audio_track=audio_track,
            range=range,
            preview=preview,
            speakers=speakers,
            listen_back=listen_back,
            voice_consent=voice_consent,
            glossary=dict(glossary) if glossary else None,
            registers=dict(registers) if registers else None,
            webhook_url=webhook_url,
        )
        return self._call(calls.ORDER, order)

    def jobs(self, status: JobStatus | None = None, video_id: str | None = None, page: int = PAGE) -> Iterator[Job]:
        """All jobs, newest first, page by page."""
        for part in self._pages(calls.JOBS, page, status=status, video_id=video_id):
            yield from part.items

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        return self._call(calls.READ_JOB, job_id=job_id)

    def follow(self, job_id: str, poll_seconds: float | None = None) -> Iterator[Job]:
        """The job whenever it has changed, until it is over; the last one is. Asks as often as the service likes."""
        tag = ""
        while True:
            headers = {"If-None-Match": tag} if tag else {}
            answer = self._connection.answer(calls.READ_JOB, {"job_id": job_id}, headers=headers)
            if answer.is_success:
                tag = answer.headers.get("ETag", "")
                job = Job.model_validate_json(answer.content)
                yield job
                if job.over:
                    return
            time.sleep(poll_seconds or retry_after(answer) or POLL_SECONDS)

    def add_languages(
        self,
        job_id: str,
        languages: Sequence[str],
        *,
        target_transcripts: Mapping[str, Transcript] | None = None,
        voices: Mapping[str, str] | None = None,
        voice_consent: bool | None = None,
        glossary: Mapping[str, str | None] | None = None,
        registers: Mapping[str, Register] | None = None,
    ) -> Job:
        """Add languages to a job that is over; what was made for the others is used again."""
        more = MoreLanguages(
            target_languages=list(languages),
            target_transcripts=dict(target_transcripts) if target_transcripts else None,
            voices=dict(voices) if voices else None,
            voice_consent=voice_consent,
            glossary=dict(glossary) if glossary else None,
            registers=dict(registers) if registers else None,
        )
        return self._call(calls.ADD_LANGUAGES, more, job_id=job_id)

    def retry(self, job_id: str) -> Job:
        """Run again what failed or was canceled."""
        return self._call(calls.RETRY, job_id=job_id)

    def cancel(self, job_id: str) -> Job:
        """End it: at once while it waits, soon while it runs."""
        return self._call(calls.CANCEL, job_id=job_id)

    def results(self, job_id: str) -> list[ResultFile]:
        """What is ready, each with a fresh address."""
        return self._call(calls.RESULTS, job_id=job_id).items

    @staticmethod
    def download(result: ResultFile, folder: Path) -> Path:
        """Save a result in `folder` under its own name; where it is."""
        return download(result, folder)

    # Webhooks

    def webhook(self) -> Webhook:
        """The account's webhook and the secret that signs."""
        return self._call(calls.READ_WEBHOOK)

    def set_webhook(self, url: str) -> Webhook:
        """Have jobs that name no address of their own told there."""
        return self._call(calls.SET_WEBHOOK, NewEndpoint(url=url))

    def remove_webhook(self) -> None:
        """Tell nowhere by default."""
        self._call(calls.REMOVE_WEBHOOK)

    def rotate_webhook_secret(self) -> Webhook:
        """Sign with another secret from now on."""
        return self._call(calls.ROTATE_SECRET)

    def test_webhook(self) -> Delivery:
        """Send a `ping`."""
        return self._call(calls.TEST_WEBHOOK)

    def deliveries(
        self, job_id: str | None = None, status: DeliveryStatus | None = None, page: int = PAGE
    ) -> Iterator[Delivery]:
        """What was told, newest first, page by page."""
        for part in self._pages(calls.DELIVERIES, page, job_id=job_id, status=status):
            yield from part.items

    def redeliver(self, delivery_id: str) -> Delivery:
        """Tell it once more."""
        return self._call(calls.REDELIVER, delivery_id=delivery_id)

    def _pages(self, call: calls.Call[T], limit: int, **query: str | None) -> Iterator[T]:
        cursor: str | None = None
        while True:
            part = self._call(call, query={**query, "limit": limit, "cursor": cursor})
            yield part
            cursor = part.next_cursor  # type: ignore[attr-defined]
            if cursor is None:
                return
