"""The child process of one import: `python -m worker.fetch_import <video_id>`, the lease on standard input.

Exit code 0: how it goes on is recorded, or it is no longer ours. 75: transient trouble, see worker.trouble.
"""

import argparse
import json
import sys
from functools import partial
from uuid import UUID

from sqlalchemy import Engine

from shared import log
from shared.config import Settings, settings_or_exit
from shared.db import make_engine, transaction
from shared.egress import Egress
from shared.errors import AppError, LeaseLostError, PermanentError, TransientError
from shared.storage import Storage
from shared.videos import imports, library
from shared.videos.arrival import examined
from shared.videos.imports import Claim
from shared.videos.naming import kind_in_headers, name_in_headers, name_in_url
from worker import trouble
from worker.import_upload import ImportUpload, too_large
from worker.remote_file import Piece, RemoteFile

logger = log.get(__name__)


def main() -> int:
    """Fetch the file to its end and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m worker.fetch_import", description=__doc__)
    parser.add_argument("video_id", type=UUID)
    video_id = parser.parse_args().video_id
    answer = trouble.answer_alone()
    told = json.load(sys.stdin)
    settings = settings_or_exit()
    log.configure(settings.log_file, stream=sys.stderr)
    log.bind(video_id=str(video_id), attempt=told["attempt"])
    held = Claim(video_id, UUID(told["lease_token"]), told["attempt"])
    return trouble.report(attempt(settings, held), answer)


def attempt(settings: Settings, held: Claim) -> TransientError | None:
    """Fetch the file under the lease; the transient trouble that was met, if any. All else is recorded here."""
    engine = make_engine(settings, pool_size=1)

    def reject(error: PermanentError) -> None:
        with transaction(engine) as session:
            imports.reject(session, settings, held, (error.code, error.message))

    try:
        return trouble.met(lambda: Fetch(settings, engine, held).run(), reject)
    finally:
        engine.dispose()


class Fetch:
    """One attempt at an import."""

    def __init__(self, settings: Settings, engine: Engine, held: Claim) -> None:
        self._settings = settings
        self._transaction = partial(transaction, engine)
        self._held = held
        with self._transaction() as session:
            self._order = imports.order(session, held)
        self._upload = ImportUpload(settings, self._transaction, held, self._order, imports.ANY_BYTES)

    def run(self) -> None:
        """Bring the bytes into the bucket, have them looked at, and end the import.

        Raises LeaseLostError, PermanentError, TransientError.
        """
        if not self._upload.is_whole():
            try:
                self._fetch()
            except PermanentError:
                self._upload.abort()
                raise
        self._examine()
        with self._transaction() as session:
            imports.done(session, self._held)

    def _fetch(self) -> None:
        """Read the file, resumed as often as a cut connection has brought something new."""
        self._upload.resume()
        source = RemoteFile(
            Egress(self._settings.egress_exempt),
            self._order.url,
            total_seconds=self._settings.import_cap_seconds,
            stall_seconds=self._settings.import_stall_seconds,
            slowest_bytes=self._settings.import_slowest_bytes,
        )
        etag = self._order.remote_etag
        while True:
            before = self._upload.position
            try:
                with source.read(before, etag) as piece:
                    etag = piece.etag
                    self._take(piece)
                break
            except TransientError as error:
                if error.code != "url_unreachable" or etag is None or self._upload.position <= before:
                    raise
                logger.info("resumed", position=self._upload.position, reason=error.message)
        self._upload.complete()

    def _take(self, piece: Piece) -> None:
        if piece.size_bytes is not None and piece.size_bytes > self._settings.max_upload_bytes:
            raise too_large(self._settings)
        if not piece.start:
            self._upload.restart()
            self._describe(piece)
        for chunk in piece.chunks:
            self._upload.write(chunk)

    def _describe(self, piece: Piece) -> None:
        """Record what the server says; the names only where the user gave none."""
        columns: dict[str, object] = {"size_bytes": piece.size_bytes}
        kind, name = kind_in_headers(piece.headers), name_in_headers(piece.headers)
        if kind:
            columns["content_type"] = kind
        default = library.display_filename(name_in_url(self._order.url))
        if name and self._order.filename == default:
            columns["filename"] = library.display_filename(name)
            if self._order.title == library.display_title(None, default):
                columns["title"] = library.display_title(None, str(columns["filename"]))
        with self._transaction() as session:
            imports.described(session, self._held, remote_etag=piece.etag, **columns)

    def _examine(self) -> None:
        fence = imports.video_fence(self._held)
        try:
            examined(self._transaction, Storage(self._settings), self._settings, self._held.video_id, fence=[fence])
        except AppError as error:
            if error.code == "not_found":
                raise LeaseLostError(str(self._held.video_id)) from None
            raise TransientError(error.code, error.message, error.retry_after) from error


if __name__ == "__main__":
    sys.exit(main())
