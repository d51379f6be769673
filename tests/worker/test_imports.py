"""Imports as they really run: a child process that fetches from a real server into the bucket."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from uuid import UUID

import boto3
import psutil
import pytest
from sqlalchemy import func, select, update

from shared.config import Settings
from shared.db import transaction
from shared.models import Import, Video
from shared.storage import Storage, original_key
from shared.videos import imports
from tests.factories import a_user
from tests.processes import QUICK, environment, until
from tests.remote import File, Remote, answer, remote
from worker.fetch_import import attempt
from worker.import_upload import PART_BYTES
from worker.imports import Importer

MIB = 1024 * 1024
PACE = {**QUICK, "import_poll_seconds": 0.1, "kill_grace_seconds": 1.0, "import_stall_seconds": 1.0}


@pytest.fixture
def server() -> Iterator[Remote]:
    with remote() as running:
        yield running


@pytest.fixture
def start(engine, make_settings, server, monkeypatch) -> Iterator[Callable[..., Settings]]:
    """Start an importer; keyword arguments are settings."""
    running: list[Importer] = []

    def begin(**overrides) -> Settings:
        settings = make_settings(**{**PACE, "egress_exempt": (server.authority,), **overrides})
        for name, value in environment(settings).items():
            monkeypatch.setenv(name, value)
        importer = Importer(settings, engine)
        importer.start()
        running.append(importer)
        begin.importer = importer
        return settings

    yield begin
    for importer in running:
        importer.drain()
    until(lambda: not children(), 10, "the end of all children")


@pytest.fixture
def here(engine, make_settings, server) -> Callable[..., Settings]:
    """Settings for a test that runs the child's own code in this process, attempt for attempt: see `tried`."""

    def make(**overrides) -> Settings:
        return make_settings(**{**PACE, "egress_exempt": (server.authority,), **overrides})

    return make


@pytest.fixture
def tried(engine, video) -> Callable[..., Video]:
    """Try until the import is over; the video."""

    def run(settings: Settings, video_id: UUID) -> Video:
        while video(video_id).status == "IMPORTING":
            with transaction(engine) as session:
                session.execute(update(Import).values(not_before=func.now()))
                held = imports.claim(session, settings)
            assert held is not None
            trouble = attempt(settings, held)
            if trouble:
                with transaction(engine) as session:
                    imports.postpone(session, held, (trouble.code, trouble.message), settings)
        return video(video_id)

    return run


@pytest.fixture
def ask(engine, server) -> Callable[..., UUID]:
    """Import the path; the video's id."""

    def create(path: str, settings: Settings, **given) -> UUID:
        with transaction(engine) as session:
            names = {"filename": None, "title": None, **given}
            return imports.create(session, settings, a_user(engine), url=server.url(path), **names).id

    return create


@pytest.fixture
def video(engine) -> Callable[[UUID], Video]:
    def read(video_id: UUID) -> Video:
        with transaction(engine) as session:
            return session.get_one(Video, video_id)

    return read


@pytest.fixture
def over(video) -> Callable[[UUID], Video]:
    """The video, once it is READY or REJECTED."""

    def wait(video_id: UUID, seconds: float = 30) -> Video:
        until(lambda: video(video_id).status != "IMPORTING", seconds, "the import's end")
        return video(video_id)

    return wait


def row(engine, video_id: UUID) -> Import | None:
    with transaction(engine) as session:
        return session.get(Import, video_id)


def children() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "worker.fetch_import" in process.cmdline():
                found.append(process)
        except psutil.Error:
            pass
    return found


def stored(settings: Settings, video_id: UUID) -> bytes:
    s3 = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    return s3.get_object(Bucket=settings.s3_bucket, Key=original_key(video_id))["Body"].read()


def uploads(settings: Settings) -> list[str]:
    s3 = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    return [item["UploadId"] for item in s3.list_multipart_uploads(Bucket=settings.s3_bucket).get("Uploads", [])]


def ranges(server: Remote) -> list[int]:
    """Where each request began."""
    return [int(headers.get("Range", "bytes=0-")[6:-1]) for _, _, headers, _ in server.asked]


@pytest.fixture(scope="session")
def large(clip) -> bytes:
    """The clip with a `free` box behind it (ISO/IEC 14496-12, 8.1.2): 20 MiB, a film still."""
    film = clip.read_bytes()
    size = 20 * MIB + 321 - len(film)
    return film + size.to_bytes(4, "big") + b"free" + os.urandom(size - 8)


def test_a_file_is_fetched_looked_at_and_named(engine, server, start, ask, over, clip):
    settings = start()
    server.paths["/get"] = File(
        clip.read_bytes(),
        headers={
            "Content-Type": "video/mp4; a=b",
            "Content-Disposition": "attachment; filename*=UTF-8''R%C3%A9sum%C3%A9.mp4",
        },
    )
    video_id = ask("/get?id=7", settings)
    found = over(video_id)
    assert (found.status, found.rejection_code) == ("READY", None)
    assert (found.filename, found.title, found.content_type) == ("Résumé.mp4", "Résumé", "video/mp4")
    assert (found.size_bytes, found.has_video, found.has_thumbnail) == (clip.stat().st_size, True, True)
    assert stored(settings, video_id) == clip.read_bytes()
    until(lambda: row(engine, video_id) is None)
    ((method, path, headers, _),) = server.asked
    assert (method, path, headers["Accept-Encoding"]) == ("GET", "/get?id=7", "identity")


def test_a_name_that_was_given_stays(server, here, ask, tried, clip):
    settings = here()
    server.paths["/get"] = File(clip.read_bytes(), headers={"Content-Disposition": 'attachment; filename="x.mp4"'})
    found = tried(settings, ask("/get", settings, filename="Mine.mp4", title="My talk"))
    assert (found.filename, found.title) == ("Mine.mp4", "My talk")


def test_redirects_are_followed(server, here, ask, tried, clip):
    settings = here()
    server.answers("/a", 302, Location="/b")
    server.paths["/b"] = File(clip.read_bytes())
    assert tried(settings, ask("/a", settings)).status == "READY"


def test_cut_connections_are_resumed_on_the_same_file(server, here, ask, tried, large):
    settings = here()
    film = server.paths["/film.mp4"] = File(large, cuts=[3 * MIB, 9 * MIB, 1 * MIB])
    video_id = ask("/film.mp4", settings)
    assert tried(settings, video_id).status == "READY"
    assert stored(settings, video_id) == large
    assert ranges(server) == [0, 3 * MIB, 12 * MIB, 13 * MIB]
    assert server.asked[1][2]["If-Range"] == '"v1"'
    assert film.sent == len(large)


@pytest.mark.parametrize("changed", [{"etag": None}, {"ranges": False}, {"etag": 'W/"v1"'}])
def test_without_a_strong_validator_or_ranges_it_begins_anew(server, here, ask, tried, large, changed):
    settings = here()
    server.paths["/film.mp4"] = File(large, cuts=[9 * MIB], **changed)
    video_id = ask("/film.mp4", settings)
    assert tried(settings, video_id).status == "READY"
    assert stored(settings, video_id) == large
    assert uploads(settings) == []


def test_a_file_that_changed_meanwhile_is_taken_whole(server, here, ask, tried, large, clip):
    settings = here()
    other = File(clip.read_bytes(), etag='"v2"')

    def change(handler, body):
        server.paths["/film.mp4"] = other
        File(large, cuts=[9 * MIB])(handler, body)

    server.paths["/film.mp4"] = change
    video_id = ask("/film.mp4", settings)
    assert tried(settings, video_id).size_bytes == len(clip.read_bytes())
    assert stored(settings, video_id) == clip.read_bytes()


def test_a_killed_child_goes_on_behind_what_is_safe(engine, server, start, ask, over, large):
    settings = start()
    film = server.paths["/film.mp4"] = File(large, slowly=0.05)
    video_id = ask("/film.mp4", settings)
    until(lambda: (found := row(engine, video_id)) and found.received_bytes >= PART_BYTES, 20)
    children()[0].kill()
    film.slowly = 0
    assert over(video_id).status == "READY"
    assert stored(settings, video_id) == large
    assert ranges(server)[-1] >= PART_BYTES
    assert ranges(server)[-1] % PART_BYTES == 0
    assert uploads(settings) == []


def test_a_crash_behind_the_last_byte_fetches_nothing_twice(engine, server, here, ask, tried, large):
    """All parts are there, the file's length is a whole number of them, and nobody has completed the upload."""
    settings = here()
    whole = large[: 2 * PART_BYTES]
    server.paths["/film.mp4"] = File(whole)
    video_id = ask("/film.mp4", settings)
    s3 = boto3.client("s3", endpoint_url=settings.s3_endpoint_url, region_name="us-east-1")
    bucket, key = settings.s3_bucket, original_key(video_id)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    for number in (1, 2):
        part = whole[(number - 1) * PART_BYTES : number * PART_BYTES]
        s3.upload_part(Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part)
    with transaction(engine) as session:
        session.execute(update(Video).values(upload_id=upload_id, part_size=PART_BYTES, size_bytes=len(whole)))
        session.execute(update(Import).values(remote_etag='"v1"', received_bytes=len(whole)))
    tried(settings, video_id)
    assert stored(settings, video_id) == whole
    assert ranges(server) == [len(whole)]


def test_a_crash_between_the_object_and_the_verdict_only_looks_again(engine, server, here, ask, tried, clip):
    settings = here()
    video_id = ask("/film.mp4", settings)
    Storage(settings).upload(clip, original_key(video_id), "video/mp4")
    with transaction(engine) as session:
        session.execute(update(Video).values(upload_id="completed-already", part_size=PART_BYTES))
    assert tried(settings, video_id).status == "READY"
    assert server.asked == []


def _chunked(content: bytes) -> Callable[..., None]:
    def handle(handler, _body):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(content)

    return handle


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
REJECTED = {
    "import_http_error": (lambda handler, _: answer(handler, 404), "404"),
    "import_web_page": (
        lambda handler, _: answer(handler, 200, b"<html>", Content_Type="text/html; charset=utf-8"),
        "web page",
    ),
    "url_not_allowed": (lambda handler, _: answer(handler, 302, Location="http://169.254.169.254/"), "public"),
    "not_media": (
        lambda handler, _: answer(handler, 200, PLAYLIST, Content_Type="application/vnd.apple.mpegurl"),
        "read",
    ),
    "empty_upload": (lambda handler, _: answer(handler, 200), "empty"),
    "too_large": (File(b"x" * 300_000), "at most"),
}


@pytest.mark.parametrize("code", REJECTED)
def test_what_can_not_be_had_is_rejected_once_and_for_all(engine, server, here, ask, tried, code):
    settings = here(max_upload_bytes=200_000)
    server.paths["/a"], words = REJECTED[code]
    video_id = ask("/a", settings)
    found = tried(settings, video_id)
    assert (found.status, found.rejection_code) == ("REJECTED", code)
    assert words in (found.rejection_message or "")
    until(lambda: row(engine, video_id) is None)
    assert len(server.asked) == 1
    assert uploads(settings) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"ffconcat version 1.0\nfile /etc/passwd\n", "not_media"), (b"x" * 300_000, "too_large")],
)
def test_a_body_of_unknown_length_is_held_to_the_same(server, here, ask, tried, text, code):
    settings = here(max_upload_bytes=200_000)
    server.paths["/a"] = _chunked(text)
    assert tried(settings, ask("/a", settings)).rejection_code == code
    assert uploads(settings) == []


def test_a_server_that_stays_broken_is_given_up(engine, server, here, ask, tried):
    settings = here(max_transient_failures=3, give_up_after_seconds=1.0)
    server.answers("/a", 503)
    video_id = ask("/a", settings)
    found = tried(settings, video_id)
    assert (found.status, found.rejection_code) == ("REJECTED", "import_failed")
    assert "503" in (found.rejection_message or "")
    assert len(server.asked) >= 3


def test_a_server_that_stalls_is_tried_again(server, here, ask, tried, clip):
    settings = here()

    def stall(handler, body):
        server.paths["/a"] = File(clip.read_bytes())
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.flush()
        time.sleep(3)

    server.paths["/a"] = stall
    assert tried(settings, ask("/a", settings)).status == "READY"


def test_a_server_that_is_too_slow_in_all_is_given_up(server, here, ask, tried, large):
    settings = here(import_cap_seconds=2.0)
    server.paths["/a"] = File(large, slowly=0.2)
    assert tried(settings, ask("/a", settings)).rejection_code == "import_too_slow"
    assert uploads(settings) == []


def dripping(head: bool) -> Callable[..., None]:
    """A server that sends a byte now and then, of its answer's head or of the file."""

    def drip(handler, _body):
        if not head:
            handler.send_response(200)
            handler.send_header("Content-Length", "1000000")
            handler.end_headers()
        with suppress(OSError):
            for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.1)

    return drip


def test_a_server_that_drips_is_given_up_long_before_its_time_is_over(server, here, ask, tried):
    settings = here(import_cap_seconds=3600.0)
    server.paths["/a"] = dripping(head=False)
    found = tried(settings, ask("/a", settings))
    assert (found.status, found.rejection_code) == ("REJECTED", "import_too_slow")
    assert uploads(settings) == []


def test_a_head_that_drips_is_a_server_that_stalls(engine, server, here, ask):
    settings = here(import_cap_seconds=3600.0)
    server.paths["/a"] = dripping(head=True)
    ask("/a", settings)
    with transaction(engine) as session:
        held = imports.claim(session, settings)
    trouble = attempt(settings, held)
    assert trouble is not None
    assert trouble.code == "url_unreachable"


def test_the_reason_is_shown_while_an_import_is_tried_again(engine, server, here, ask, tried, video, clip):
    settings = here()
    server.answers("/a", 503)
    video_id = ask("/a", settings)
    with transaction(engine) as session:
        held = imports.claim(session, settings)
    trouble = attempt(settings, held)
    with transaction(engine) as session:
        imports.postpone(session, held, (trouble.code, trouble.message), settings)
    assert (video(video_id).status, video(video_id).rejection_code) == ("IMPORTING", "import_http_error")
    assert "503" in video(video_id).rejection_message
    server.paths["/a"] = File(clip.read_bytes())
    found = tried(settings, video_id)
    assert (found.status, found.rejection_code, found.rejection_message) == ("READY", None, None)


def test_one_users_imports_leave_slots_to_others(engine, settings):
    def begin(user_id: UUID) -> UUID:
        with transaction(engine) as session:
            return imports.create(session, settings, user_id, url="https://a.example/a", filename=None, title=None).id

    def claimed() -> UUID | None:
        with transaction(engine) as session:
            held = imports.claim(session, settings)
        return held.video_id if held else None

    eager, patient = a_user(engine), a_user(engine)
    first, second = begin(eager), begin(eager)
    begin(eager)
    other = begin(patient)
    assert [claimed(), claimed(), claimed()] == [first, other, None]
    with transaction(engine) as session:
        session.execute(update(Import).where(Import.video_id == first).values(not_before=func.now(), lease_until=None))
        session.execute(update(Video).where(Video.id == first).values(status="REJECTED"))
        imports.settle(session, settings)
    assert [claimed(), claimed()] == [second, None]


def test_a_deleted_video_ends_its_import(engine, server, start, ask, large):
    settings = start()
    server.paths["/a"] = File(large, slowly=0.3)
    video_id = ask("/a", settings)
    until(children, 10)
    with transaction(engine) as session:
        session.execute(update(Video).where(Video.id == video_id).values(deleted_at=func.now()))
    until(lambda: not children(), 5, "the child's end")
    until(lambda: row(engine, video_id) is None, 5)
    assert Storage(settings).head(original_key(video_id)) is None


def test_a_drain_lets_go_without_counting(engine, server, start, ask, over, large):
    settings = start()
    film = server.paths["/a"] = File(large, slowly=0.1)
    video_id = ask("/a", settings)
    until(children, 10)
    start.importer.drain()
    until(lambda: not children() and row(engine, video_id).lease_token is None, 5)
    found = row(engine, video_id)
    assert (found.crashes, found.transient_failures) == (0, 0)
    film.slowly = 0
    again = Importer(settings, engine)
    again.start()
    assert over(video_id).status == "READY"
    again.drain()
    until(lambda: row(engine, video_id) is None, 5)


def test_who_stops_without_a_word_too_often_is_given_up(engine, settings, video):
    with transaction(engine) as session:
        made = imports.create(
            session, settings, a_user(engine), url="https://films.example/a.mp4", filename=None, title=None
        )
    video_id = made.id
    for number in range(1, settings.max_crashes + 2):
        with transaction(engine) as session:
            imports.settle(session, settings)
            held = imports.claim(session, settings)
        assert held is not None
        assert held.attempt == number
        with transaction(engine) as session:
            assert imports.claim(session, settings) is None
            session.execute(update(Import).values(lease_until=func.now()))
    with transaction(engine) as session:
        imports.settle(session, settings)
        assert imports.claim(session, settings) is None
        assert not imports.renew(session, held, settings)
        assert session.scalars(select(Import)).all() == []
    assert (video(video_id).status, video(video_id).rejection_code) == ("REJECTED", "import_failed")


def test_the_child_stays_small(server, start, ask, over, large):
    settings = start()
    server.paths["/a"] = File(large * 3)
    video_id = ask("/a", settings)
    peak = 0
    while over_now(video_id, over) is None:
        for child in children():
            with suppress(psutil.Error):
                peak = max(peak, child.memory_info().rss)
        time.sleep(0.02)
    assert 0 < peak < 220 * MIB


def over_now(video_id, over):
    try:
        return over(video_id, 0.01)
    except AssertionError:
        return None
