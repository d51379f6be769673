"""The command-line client's failures: one sentence, exit 1, no trace."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from local import demo, dub
from local.client import Client, ClientError, media_type
from local.client.bodies import Failure, Video, VideoStatus
from local.dub import Order
from local.processes import free_port
from local.report import figures


def test_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--video", str(tmp_path / "영상 '$(x)'.mp4")]) == 1
    assert capsys.readouterr().err == f"There is no file {tmp_path}/영상 '$(x)'.mp4.\n"


def test_nobody_answers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, credentials = tmp_path / "v.mp4", tmp_path / "c.json"
    video.write_bytes(b"x")
    credentials.write_text('{"email": "a@b.c", "password": "p"}')
    url = f"http://127.0.0.1:{free_port(0)}"
    assert dub.main([str(video), "--to", "es", "--url", url, "--credentials", str(credentials)]) == 1
    assert capsys.readouterr().err == f"{url} can't be reached (ConnectError); is `make up` running?\n"


def test_no_credentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dub.main([str(tmp_path), "--to", "es", "--credentials", str(tmp_path / "none.json")]) == 1
    assert "`make up` makes them" in capsys.readouterr().err


def test_figures_are_those_the_report_has(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"measures": {"speed": {"max": 1.25, "p95": None}, "mix": {"true_peak_dbtp": -2.0}}}))
    assert [line.split() for line in figures(report)] == [
        ["speed,", "maximum", "1.25", "×"],
        ["true", "peak", "-2.00", "dBTP"],
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.mp4", "video/mp4"), ("a.ts", "application/octet-stream"), ("a", "application/octet-stream")],
)
def test_a_name_that_says_no_media_type_is_no_reason_to_refuse(name: str, expected: str) -> None:
    assert media_type(Path(name)) == expected


class Stopped(Client):
    """A service whose uploads are interrupted, and whose imports are tried again twice for the same reason."""

    def upload(self, *_: Any, announced: Callable[[str], object] | None = None, **__: Any) -> Video:
        assert announced is not None
        announced("the-id")
        raise KeyboardInterrupt

    def import_url(self, *_: Any, **__: Any) -> Video:
        return a_video("IMPORTING")

    def arrived(self, video_id: str, told: Callable[[Video], object] | None = None) -> Video:
        assert (video_id, told is not None) == ("the-id", True)
        for _ in range(2):
            told(a_video("IMPORTING", retry_reason=Failure(code="url_unreachable", message="It is away.")))  # type: ignore[misc]
        raise ClientError("It can't be had.", "import_failed")


def a_video(status: VideoStatus, **fields: Any) -> Video:
    empty: dict[str, Any] = dict.fromkeys(Video.model_fields)
    known = {"video_id": "the-id", "title": "a", "filename": "a.mp4", "content_type": "video/mp4"}
    return Video(**{**empty, **known, "created_at": datetime.now(UTC), "status": status, **fields})


def said(order: Order, expected: type[BaseException], folder: Path) -> str:
    """What is said until dubbing fails as expected."""
    spoken = io.StringIO()
    with pytest.raises(expected):
        dub.dub(Stopped("http://127.0.0.1:1"), order, folder, Console(file=spoken, width=200))
    return spoken.getvalue()


def test_who_stops_an_upload_is_told_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert "Go on with --resume the-id." in said(Order(tmp_path / "a.mp4", ("es",)), KeyboardInterrupt, tmp_path)


def test_what_is_asked_for_speaker_by_speaker_and_language_by_language() -> None:
    given = ["a.mp4", "--to", "es", "--register", "formal", "--register", "Ana=informal", "--translation", "es=es.srt"]
    order = dub._order(dub._arguments(given))
    assert order.registers == {"default": "formal", "Ana": "informal"}
    assert order.translations == {"es": Path("es.srt")}
    with pytest.raises(ClientError, match=r"There is no file .*es\.srt"):
        Order(None, ("es",), translations=order.translations).check()


@pytest.mark.parametrize("option", [("--register", "rude"), ("--translation", "es.srt"), ("--range", "5")])
def test_what_cannot_be_read_is_said_with_an_example(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        dub.main(["a.mp4", "--to", "es", *option])
    assert f"{option[1]!r} is not" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("problem", "told"), [({"video_id": "the-id"}, True), ({"video_id": "the-id", "video": {}}, False)]
)
def test_only_an_upload_that_was_broken_off_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: dict[str, Any], told: bool
) -> None:
    """A file that came and was refused does not get better by sending it again."""

    def refuse(*_: Any, **__: Any) -> Video:
        raise ClientError("No.", problem=problem)

    monkeypatch.setattr(Stopped, "upload", refuse)
    (tmp_path / "a.mp4").write_bytes(b"x")
    order = Order(tmp_path / "a.mp4", ("es",))
    with pytest.raises(ClientError) as refused:
        dub.dub(Stopped("http://127.0.0.1:1"), order, tmp_path, Console(file=io.StringIO()))
    assert ("--resume the-id" in str(refused.value)) == told


def test_why_an_import_is_tried_again_is_said_once(tmp_path: Path) -> None:
    order = Order(None, ("es",), address="https://films.example/a.mp4")
    assert said(order, ClientError, tmp_path).count("It is away. It is tried again.") == 1
