"""The command-line client's failures: one sentence, exit 1, no trace."""

import json
from pathlib import Path

import pytest

from local import demo, dub
from local.client import media_type
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
