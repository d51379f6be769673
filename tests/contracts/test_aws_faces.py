"""The thin faces of S3, SQS and SES, against moto over HTTP."""

import urllib.request
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import boto3
import httpx
import pytest

from shared.errors import PermanentError, TransientError
from shared.mail import Mail, Mailer
from shared.multipart import SMALLEST_PART, Multipart, Part, UploadGoneError
from shared.queue import MessageError, Queue, parse
from shared.storage import ObjectChangedError, Storage, attachment


def test_a_presigned_put_signs_length_type_and_once_only(settings):
    url, headers = Storage(settings).presign_put("originals/x", size_bytes=5, content_type="video/mp4")
    query = parse_qs(urlsplit(url).query)
    assert set(query["X-Amz-SignedHeaders"][0].split(";")) >= {
        "content-length",
        "content-type",
        "if-none-match",
        "host",
    }
    assert int(query["X-Amz-Expires"][0]) <= 3600
    assert headers == {"Content-Length": "5", "Content-Type": "video/mp4", "If-None-Match": "*"}
    assert httpx.put(url, content=b"hello", headers=headers).status_code == 200
    stored = Storage(settings).head("originals/x")
    assert stored is not None
    assert (stored.size_bytes, stored.content_type) == (5, "video/mp4")


def test_reads_demand_the_etag(settings, tmp_path):
    storage = Storage(settings)
    storage.put("a", b"one", "text/plain")
    etag = storage.head("a").etag
    assert storage.read_range("a", 1, 10, etag=etag) == b"ne"
    storage.put("a", b"two", "text/plain")
    with pytest.raises(ObjectChangedError):
        storage.read_range("a", 0, 3, etag=etag)
    with pytest.raises(ObjectChangedError):
        storage.download("a", tmp_path / "a", etag=etag)
    with pytest.raises(ObjectChangedError):
        storage.download("missing", tmp_path / "b")
    assert storage.head("missing") is None


def test_a_download_is_saved_under_its_name_in_any_script(settings):
    storage = Storage(settings)
    storage.put("a", b"one", "text/plain")
    with urllib.request.urlopen(
        storage.presign_get("a", filename='내 영상 "1".mp4', content_type="video/mp4")
    ) as answer:
        assert "filename*=UTF-8''%EB%82%B4%20%EC%98%81%EC%83%81%20%221%22.mp4" in answer.headers["Content-Disposition"]


def test_a_disposition_holds_no_line_break_or_quote():
    value = attachment('a"\r\nX-Evil: 1\\;é.mp4')
    assert "\r" not in value
    assert "\n" not in value
    assert value.count('"') == 2


def test_copy_and_delete_stay_in_the_bucket(settings):
    storage = Storage(settings)
    storage.put("artifacts/1/a", b"x", "a/b")
    storage.copy("artifacts/1/a", "results/1/a", "video/mp4")
    assert storage.head("results/1/a").content_type == "video/mp4"
    assert storage.delete_prefix("artifacts/1/") == 1
    assert storage.head("artifacts/1/a") is None


def test_a_key_that_the_store_keeps_is_no_deletion(settings, monkeypatch):
    storage = Storage(settings)
    kept = {"Errors": [{"Key": "a", "Code": "AccessDenied"}]}
    monkeypatch.setattr(type(storage._client), "delete_objects", lambda *_, **__: kept, raising=False)
    with pytest.raises(TransientError):
        storage.delete(["a"])


def test_parts_become_one_object_once(settings):
    face, key = Multipart(settings), "originals/x"
    upload_id = face.begin(key, "video/mp4")
    first = face.put_part(key, upload_id, 1, b"a" * SMALLEST_PART)
    url, headers = face.presign_part(key, upload_id, 2, 3)
    assert set(parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";")) == {"content-length", "host"}
    second = httpx.put(url, content=b"end", headers=headers).headers["etag"]
    parts = face.parts(key, upload_id)
    assert parts == [first, Part(2, second, 3)]
    face.complete(key, upload_id, parts)
    stored = Storage(settings).head(key)
    assert (stored.size_bytes, stored.content_type) == (SMALLEST_PART + 3, "video/mp4")
    with pytest.raises(UploadGoneError):
        face.parts(key, upload_id)


def test_a_completion_never_replaces_an_object(settings):
    face, storage, key = Multipart(settings), Storage(settings), "originals/x"
    upload_id = face.begin(key, "video/mp4")
    part = face.put_part(key, upload_id, 1, b"new")
    storage.put(key, b"old", "video/mp4")
    with pytest.raises(UploadGoneError):
        face.complete(key, upload_id, [part])
    assert storage.head(key).size_bytes == 3
    assert storage.read_range(key, 0, 3, etag=storage.head(key).etag) == b"old"


def test_a_completion_asks_for_an_empty_place(settings):
    seen = []
    face = Multipart(settings)
    face._client.meta.events.register("before-send.s3.*", lambda request, **_: seen.append(request))
    upload_id = face.begin("a", "video/mp4")
    face.complete("a", upload_id, [face.put_part("a", upload_id, 1, b"x")])
    begun, put, completed = seen
    assert completed.headers["If-None-Match"] == b"*"
    # An upload that is begun with a checksum refuses the parts of clients that send none.
    assert not [name for request in (begun, put) for name in request.headers if "checksum" in name.lower()]


def test_parts_are_listed_page_by_page(settings):
    face, pages = Multipart(settings), []
    upload_id = face.begin("a", "video/mp4")
    sent = [face.put_part("a", upload_id, number, b"x" * number) for number in range(1, 8)]

    def three(params, **_):
        pages.append(params)
        params["MaxParts"] = 3

    face._client.meta.events.register("provide-client-params.s3.ListParts", three)
    assert face.parts("a", upload_id) == sent
    assert len(pages) >= 3


def test_an_abort_drops_the_parts_and_may_come_twice(settings):
    face = Multipart(settings)
    upload_id = face.begin("a", "video/mp4")
    face.put_part("a", upload_id, 1, b"x")
    face.abort("a", upload_id)
    face.abort("a", upload_id)
    with pytest.raises(UploadGoneError):
        face.parts("a", upload_id)
    assert Storage(settings).head("a") is None


def test_uploads_to_a_store_that_is_away_are_transient(make_settings):
    away = Multipart(make_settings(s3_endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(TransientError):
        away.abort("a", "b")


def test_a_store_that_is_away_is_transient(make_settings):
    away = Storage(make_settings(s3_endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(TransientError):
        away.check()


def test_a_wake_up_call_names_a_job_and_nothing_else(settings):
    job_id = uuid4()
    Queue(settings).wake(job_id)
    sqs = boto3.client("sqs", endpoint_url=settings.sqs_endpoint_url, region_name="us-east-1")
    body = sqs.receive_message(QueueUrl=settings.sqs_queue_url)["Messages"][0]["Body"]
    assert parse(body).job_id == job_id


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"kind": "dub"}', '{"kind": "x", "job_id": "1"}', '{"kind":"dub","job_id":7}', "\xff"]
)
def test_an_unreadable_message_says_so(body):
    with pytest.raises(MessageError):
        parse(body)


def test_mail_goes_out_through_ses(settings):
    boto3.client("sesv2", endpoint_url=settings.ses_endpoint_url, region_name="us-east-1").create_email_identity(
        EmailIdentity="no-reply@onevoice.test"
    )
    assert Mailer(settings).send(Mail("kim@example.org", "안녕", "text", "<p>html</p>"))


def test_mail_that_is_refused_is_permanent(make_settings):
    with pytest.raises((PermanentError, TransientError)) as caught:
        Mailer(make_settings(mail_from="nobody@nowhere.test")).send(Mail("kim@example.org", "a", "b", "c"))
    assert caught.value.code == "mail_refused"
