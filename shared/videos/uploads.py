"""An upload, from its first URL to its one object: in one PUT, or from 64 MiB up in parts that can be resumed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from shared.config import GIB, MIB, Settings
from shared.errors import AppError
from shared.models import Video, VideoStatus
from shared.multipart import SMALLEST_PART, Multipart, Part, UploadGoneError
from shared.storage import Storage, original_key

ORDINARY_PART = 16 * MIB
# So many URLs fit into one answer, and a part is sent again in a minute on a slow line.
MOST_PARTS = 160
# The most that S3 takes in one PUT.
LARGEST_PUT = 5 * GIB

ABORTED = ("upload_aborted", "The upload was ended before it was complete. Announce the file again as a new video.")
EXPIRED = ("upload_expired", "The file was not uploaded in time. Announce it again as a new video.")


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part as the client says it sent it: its number and the ETag it got."""

    number: int
    etag: str


def part_size(size_bytes: int, settings: Settings) -> int:
    """The bytes of each part but the last: 16 MiB (less where uploads in parts begin lower), doubled until there are
    at most 160 parts."""
    size = max(SMALLEST_PART, min(ORDINARY_PART, settings.multipart_from_bytes))
    while -(-size_bytes // size) > MOST_PARTS:
        size *= 2
    return size


def part_sizes(size_bytes: int, part_bytes: int) -> list[int]:
    """The exact bytes of each part, the first part first."""
    whole, rest = divmod(size_bytes, part_bytes)
    return [part_bytes] * whole + [rest] * bool(rest)


def begin(multipart: Multipart, settings: Settings, video: Video) -> None:
    """Begin in S3 what needs to be begun before a client can upload; noted in the row, which isn't written here."""
    size = expected_bytes(video)
    if size >= min(settings.multipart_from_bytes, LARGEST_PUT + 1):
        video.part_size = part_size(size, settings)
        video.upload_id = multipart.begin(original_key(video.id), video.content_type)


def abort(multipart: Multipart, video_id: UUID, upload_id: str | None) -> None:
    """End the upload in S3 and drop what came of it; nothing for a single PUT."""
    if upload_id is not None:
        multipart.abort(original_key(video_id), upload_id)


def expiry(settings: Settings) -> timedelta:
    """How long after its announcement an upload may take."""
    return timedelta(seconds=settings.upload_expiry_seconds)


def expected_bytes(video: Video) -> int:
    """The announced size; every upload has one, only an import may not know its own."""
    assert video.size_bytes is not None
    return video.size_bytes


def sizes(video: Video) -> list[int]:
    """The exact bytes of each part of the video's upload in parts."""
    assert video.part_size is not None
    return part_sizes(expected_bytes(video), video.part_size)


def demand_open(video: Video) -> None:
    """Raises AppError `not_uploading` (409) unless the video waits for its bytes."""
    if video.status != VideoStatus.AWAITING_UPLOAD:
        raise AppError(
            "not_uploading",
            f"This video is not waiting for an upload: it is {video.status}.",
            409,
            details={"video": {"video_id": str(video.id), "status": video.status}},
        )


def uploaded_parts(multipart: Multipart, video: Video) -> list[Part]:
    """The parts that S3 has. Raises AppError `not_uploading` (409) when the upload is not open any more."""
    assert video.upload_id is not None
    try:
        return multipart.parts(original_key(video.id), video.upload_id)
    except UploadGoneError:
        raise AppError(
            "not_uploading",
            "This upload is not open any more. Say that it is uploaded if all parts were sent, "
            "or announce the file again as a new video.",
            409,
        ) from None


def check_numbers(video: Video, numbers: Sequence[int]) -> None:
    """Raises AppError `invalid_parts` (422) when a number is not one of the upload's parts, or is there twice."""
    last = len(sizes(video))
    wrong = sorted(number for number, times in Counter(numbers).items() if times > 1 or not 1 <= number <= last)
    if wrong:
        raise AppError(
            "invalid_parts",
            f"Ask for each part once; this upload has the parts 1 to {last}.",
            422,
            details={"part_numbers": wrong, "last_part_number": last},
        )


def completed(multipart: Multipart, storage: Storage, video: Video, sent: Sequence[SentPart] | None) -> None:
    """Let S3 make the object of the parts, once: what was completed before is only looked at.

    `sent` are the parts as the client knows them, None to take what S3 has. Raises AppError `not_uploaded` (409),
    `parts_missing`, `parts_out_of_order`, `part_mismatch` (422, naming the parts; the upload stays open).
    """
    key, upload_id = original_key(video.id), video.upload_id
    assert upload_id is not None
    if storage.head(key) is not None:
        return
    try:
        parts = checked(sizes(video), multipart.parts(key, upload_id), sent)
        multipart.complete(key, upload_id, parts)
    except UploadGoneError as error:
        # Completed by a twin of this call or by an earlier one that did not live to say so; or ended.
        if storage.head(key) is None:
            raise _nothing_there() from error


def reject(session: Session, settings: Settings, video: Video, reason: tuple[str, str]) -> bool:
    """End the upload for good, unless it was decided meanwhile; whether it was ended here."""
    open_still = (Video.id == video.id, Video.status == VideoStatus.AWAITING_UPLOAD)
    rejected = (
        update(Video)
        .where(*open_still)
        .values(
            status=VideoStatus.REJECTED,
            rejection_code=reason[0],
            rejection_message=reason[1],
            expires_at=func.now() + timedelta(days=settings.retention_days),
        )
    )
    return session.scalar(rejected.returning(Video.id)) is not None


def checked(expected: Sequence[int], stored: Sequence[Part], sent: Sequence[SentPart] | None) -> list[Part]:
    """The parts to complete an upload of parts of the `expected` sizes with: all that S3 has `stored`, as `sent`.

    Raises AppError `parts_missing`, `parts_out_of_order`, `part_mismatch` (422); `not_uploaded` (409).
    """
    have = {part.number: part for part in stored}
    numbers = range(1, len(expected) + 1)
    if sent is None:
        missing = [number for number in numbers if number not in have]
        if missing:
            raise _refusal("not_uploaded", "Some parts have not been uploaded yet.", missing, 409)
    else:
        _check_sent(numbers, have, sent)
    odd = [number for number in numbers if have[number].size_bytes != expected[number - 1]]
    if odd:
        raise _refusal("part_mismatch", "Some parts have another size than they should. Upload them again.", odd)
    return [have[number] for number in numbers]


def _check_sent(numbers: range, have: dict[int, Part], sent: Sequence[SentPart]) -> None:
    disordered = [part.number for before, part in pairwise(sent) if part.number <= before.number]
    if disordered:
        raise _refusal("parts_out_of_order", "List each part once, by number.", disordered)
    given = {part.number: part.etag.strip('"') for part in sent}
    missing = [number for number in numbers if number not in given or number not in have]
    if missing:
        raise _refusal("parts_missing", "Some parts are missing. Upload and list them all.", missing)
    foreign = [number for number in given if number not in numbers or given[number] != have[number].etag.strip('"')]
    if foreign:
        raise _refusal("part_mismatch", "Some parts are not those that were uploaded. Upload them again.", foreign)


def _refusal(code: str, message: str, numbers: list[int], status: int = 422) -> AppError:
    return AppError(code, message, status, details={"part_numbers": numbers})


def _nothing_there() -> AppError:
    return AppError(
        "not_uploaded",
        "The upload is not open any more and no file came of it. Try again shortly; if it stays so, announce the file "
        "again as a new video.",
        409,
    )
