"""A thin, typed face of S3: one bucket, keys that hold ids only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.config import MIB, Settings
from shared.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

ORIGINALS, THUMBNAILS, ARTIFACTS, RESULTS = "originals/", "thumbnails/", "artifacts/", "results/"
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
CHANGED = frozenset({"412", "PreconditionFailed"})
_TRANSFER = TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB, max_concurrency=2)


class ObjectChangedError(Exception):
    """The object is no longer the one whose ETag was recorded, or it is gone."""


@dataclass(frozen=True)
class StoredObject:
    """What S3 says of an object: its size in bytes, its ETag (quotes kept) and its content type."""

    size_bytes: int
    etag: str
    content_type: str


def original_key(video_id: UUID) -> str:
    """Where a video's uploaded bytes are."""
    return f"{ORIGINALS}{video_id}"


def thumbnail_key(video_id: UUID) -> str:
    """Where a video's thumbnail is, a JPEG."""
    return f"{THUMBNAILS}{video_id}.jpg"


def artifact_key(video_id: UUID, fingerprint: str, lease_token: UUID) -> str:
    """Where a stage's artifact is; the lease's token in it keeps a late zombie from overwriting anything."""
    return f"{ARTIFACTS}{video_id}/{fingerprint}/{lease_token}"


def artifacts_prefix(video_id: UUID) -> str:
    """Where all artifacts of a video are."""
    return f"{ARTIFACTS}{video_id}/"


def results_prefix(job_id: UUID) -> str:
    """Where a job's results are."""
    return f"{RESULTS}{job_id}/"


def attachment(filename: str) -> str:
    """A Content-Disposition for `filename` in any script (RFC 6266, with RFC 8187 for what is not ASCII)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%;' else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


class Storage:
    """The bucket. Methods raise TransientError when S3 is out of reach."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._settings = settings

    @cached_property
    def _client(self) -> "S3Client":
        client: S3Client = aws.s3_client(self._settings, read_timeout=60)
        return client

    def path(self, key: str) -> str:
        """The s3:// address of `key`."""
        return f"s3://{self.bucket}/{key}"

    def urls_expire_at(self) -> datetime:
        """Until when URLs work that are signed from now on, here and for parts; ask before signing."""
        return aws.urls_expire_at(self._settings)

    def presign_put(self, key: str, *, size_bytes: int, content_type: str) -> tuple[str, dict[str, str]]:
        """A URL for one PUT of exactly `size_bytes`, once, and the headers the client has to send with it."""
        url = self._client.generate_presigned_url(
            "put_object",
            Params={
                "Bucket": self.bucket,
                "Key": key,
                "ContentLength": size_bytes,
                "ContentType": content_type,
                "IfNoneMatch": "*",
            },
            ExpiresIn=self._settings.presigned_url_seconds,
        )
        return url, {"Content-Length": str(size_bytes), "Content-Type": content_type, "If-None-Match": "*"}

    def presign_get(self, key: str, *, filename: str | None = None, content_type: str | None = None) -> str:
        """A URL to download `key`, saved under `filename` where one is given."""
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": key}
        if filename:
            params["ResponseContentDisposition"] = attachment(filename)
        if content_type:
            params["ResponseContentType"] = content_type
        return self._client.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=self._settings.presigned_url_seconds
        )

    def head(self, key: str) -> StoredObject | None:
        """What is stored under `key`, or None."""
        try:
            answer = self._client.head_object(Bucket=self.bucket, Key=key)
        except (BotoCoreError, ClientError) as error:
            if error_code(error) in MISSING:
                return None
            raise transient(error) from error
        return StoredObject(answer["ContentLength"], answer["ETag"], answer.get("ContentType", ""))

    def read_range(self, key: str, start: int, length: int, *, etag: str) -> bytes:
        """`length` bytes from `start` (fewer at the end). Raises ObjectChangedError when the ETag no longer matches."""
        try:
            answer = self._client.get_object(
                Bucket=self.bucket, Key=key, Range=f"bytes={start}-{start + length - 1}", IfMatch=etag
            )
            return answer["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise _changed_or_transient(error) from error

    def download(
        self, key: str, path: Path, *, etag: str | None = None, told: Callable[[int], None] | None = None
    ) -> None:
        """Fetch `key` to `path`; `told` of each block's bytes. Raises ObjectChangedError if gone or not `etag`."""
        try:
            extra = {"IfMatch": etag} if etag else {}
            answer = self._client.get_object(Bucket=self.bucket, Key=key, **extra)  # type: ignore[arg-type]
            with path.open("wb") as file:
                for block in answer["Body"].iter_chunks(MIB):
                    file.write(block)
                    if told is not None:
                        told(len(block))
        except (BotoCoreError, ClientError) as error:
            raise _changed_or_transient(error) from error

    def upload(self, path: Path, key: str, content_type: str = "application/octet-stream") -> None:
        """Store the file at `path` under `key`, in parts when it is large."""
        try:
            self._client.upload_file(
                str(path), self.bucket, key, ExtraArgs={"ContentType": content_type}, Config=_TRANSFER
            )
        except (BotoCoreError, ClientError, S3UploadFailedError) as error:
            raise transient(error) from error

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """Store a small object."""
        try:
            self._client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType=content_type)
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error

    def copy(self, source: str, target: str, content_type: str) -> None:
        """Copy within the bucket, without the bytes coming here."""
        try:
            self._client.copy(
                {"Bucket": self.bucket, "Key": source},
                self.bucket,
                target,
                ExtraArgs={"ContentType": content_type, "MetadataDirective": "REPLACE"},
            )
        except (BotoCoreError, ClientError) as error:
            raise _changed_or_transient(error) from error

    def keys(self, prefix: str) -> frozenset[str]:
        """All keys under `prefix`."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return frozenset(item["Key"] for page in pages for item in page.get("Contents", []))
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error

    def older(self, prefix: str, before: datetime) -> Iterator[list[str]]:
        """The keys under `prefix` that were written before a time, up to 1,000 at once."""
        try:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield [item["Key"] for item in page.get("Contents", []) if item["LastModified"] < before]
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error

    def delete_prefix(self, prefix: str) -> int:
        """Delete all under `prefix`; how many there were. TransientError too when S3 keeps one of them."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return sum(self.delete([item["Key"] for item in page.get("Contents", [])]) for page in pages)
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error

    def delete(self, keys: Sequence[str]) -> int:
        """Delete up to 1,000 keys, there or not; how many. TransientError too when S3 keeps one of them."""
        if not keys:
            return 0
        objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys]
        try:
            answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error
        kept = answer.get("Errors")
        if kept:
            raise transient(OSError(f"{len(kept)} objects were not deleted, the first for {kept[0].get('Code')}"))
        return len(keys)

    def check(self) -> None:
        """Raises TransientError when the bucket can't be reached."""
        try:
            self._client.head_bucket(Bucket=self.bucket)
        except (BotoCoreError, ClientError) as error:
            raise transient(error) from error


def error_code(error: BotoCoreError | ClientError) -> str:
    """S3's name of what went wrong; empty when it did not answer."""
    response: Mapping[str, Any] = getattr(error, "response", {})
    return str(response.get("Error", {}).get("Code", ""))


def transient(error: Exception) -> TransientError:
    """A sentence for the user; the cause is for the log."""
    trouble = TransientError("storage_unavailable", "The file store does not answer as it should.")
    trouble.__cause__ = error
    return trouble


def _changed_or_transient(error: BotoCoreError | ClientError) -> Exception:
    if error_code(error) in MISSING | CHANGED:
        return ObjectChangedError(str(error))
    return transient(error)
