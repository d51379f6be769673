"""A thin, typed face of S3's uploads in parts: begun here, sent by whoever holds the parts' URLs, completed once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.config import MIB, Settings
from shared.storage import error_code, transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3's rules: any part but the last has at least 5 MiB, each at most 5 GiB, and there are at most 10,000.
SMALLEST_PART = 5 * MIB
MOST_PARTS = 10_000
GONE = frozenset({"NoSuchUpload", "404"})
# The object is there already, or another completion of the same upload is under way.
LOST = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
# A part that is being sent while its upload is aborted may still be stored: S3 says to abort again.
ABORTS = 5


class UploadGoneError(Exception):
    """The upload is not open (any more): completed, aborted or overtaken. Look whether the object is there."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that S3 has: its number from 1, its ETag (quotes kept) and its size in bytes."""

    number: int
    etag: str
    size_bytes: int


class Multipart:
    """Uploads in parts to the bucket. Methods raise TransientError when S3 is out of reach."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._settings = settings

    @cached_property
    def _client(self) -> "S3Client":
        client: S3Client = aws.s3_client(
            self._settings,
            # A completion of many parts may take S3 minutes; it sends blanks meanwhile.
            read_timeout=120,
            # Who puts a part sends no checksum of ours; an upload begun with one would refuse the part.
            request_checksum_calculation="when_required",
        )
        return client

    def begin(self, key: str, content_type: str) -> str:
        """Begin an upload to `key`; S3's name of it."""
        try:
            answer = self._client.create_multipart_upload(Bucket=self.bucket, Key=key, ContentType=content_type)
            return answer["UploadId"]
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error

    def presign_part(self, key: str, upload_id: str, number: int, size_bytes: int) -> tuple[str, dict[str, str]]:
        """A URL to PUT part `number`, of exactly `size_bytes`, and the headers to send with it."""
        url = self._client.generate_presigned_url(
            "upload_part",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "UploadId": upload_id,
                "PartNumber": number,
                "ContentLength": size_bytes,
            },
            ExpiresIn=self._settings.presigned_url_seconds,
        )
        return url, {"Content-Length": str(size_bytes)}

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> Part:
        """Send a part from here. Raises UploadGoneError."""
        try:
            answer = self._client.upload_part(
                Bucket=self.bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body
            )
        except (BotoCoreError, ClientError) as error:
            raise _gone_or_transient(error) from error
        return Part(number, answer["ETag"], len(body))

    def parts(self, key: str, upload_id: str) -> list[Part]:
        """The parts that S3 has, by number. Raises UploadGoneError."""
        try:
            pages = self._client.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=key, UploadId=upload_id)
            return [
                Part(part["PartNumber"], part["ETag"], part["Size"]) for page in pages for part in page.get("Parts", [])
            ]
        except (BotoCoreError, ClientError) as error:
            raise _gone_or_transient(error) from error

    def complete(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """Make the object of `parts`, unless there is one under `key`. Raises UploadGoneError."""
        try:
            self._client.complete_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                UploadId=upload_id,
                MultipartUpload={"Parts": [{"PartNumber": part.number, "ETag": part.etag} for part in parts]},
                IfNoneMatch="*",
            )
        except (BotoCoreError, ClientError) as error:
            raise _gone_or_transient(error) from error

    def abort(self, key: str, upload_id: str) -> None:
        """End the upload and drop its parts; one that is not open any more is left as it is."""
        try:
            for _ in range(ABORTS):
                self._client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except (BotoCoreError, ClientError) as error:
            if error_code(error) not in GONE:
                raise transient(error) from error

    def open_since(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Key and name of each upload in the bucket that was begun before a time and is open still."""
        try:
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < before:
                        yield upload["Key"], upload["UploadId"]
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error


def _gone_or_transient(error: BotoCoreError | ClientError) -> Exception:
    return UploadGoneError(str(error)) if error_code(error) in GONE | LOST else transient(error)
