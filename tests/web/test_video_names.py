"""Names and titles of videos, in any script and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.videos.library import BIDI_CONTROLS, display_filename, display_title
from tests.web.conftest import Person
from tests.web.videos import ANNOUNCED


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Доклад — часть 1.mp4", "Доклад — часть 1.mp4"),
        ("発表🎬.mov", "発表🎬.mov"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\talk.mp4", "talk.mp4"),
        ("a\r\nSet-Cookie: x=1.mp4", "aSet-Cookie: x=1.mp4"),
        ('quo"te;%41.mp4', 'quo"te;%41.mp4'),
        ("gpj\u202e4pm.exe", "gpj4pm.exe"),
        ("/", "upload"),
        ("..", "upload"),
        ("x" * 1024, "x" * 200),
        ("x" * 300 + ".mp4", "x" * 200 + ".mp4"),
        ("ж" * 300 + ".mp4", "ж" * 100 + ".mp4"),
        ("発" * 300 + ".mp4", "発" * 66 + ".mp4"),
        ("talk." + "x" * 17, "talk." + "x" * 17),
        ("talk\u200b\ufeff\u2028.mp4", "talk.mp4"),
        ("\u200d", "upload"),
    ],
)
def test_filenames_in_any_script(person: Person, name: str, shown: str) -> None:
    created = person.post("/videos", json={**ANNOUNCED, "filename": name})
    assert created.status_code == 201
    assert created.json
    assert created.json["upload"]["url"].isascii()
    read = person.get(f"/videos/{created.json['video_id']}").json
    assert read
    assert read["filename"] == shown


@given(st.text(max_size=400))
def test_a_shown_name_is_harmless(name: str) -> None:
    shown = display_filename(name)
    assert 1 <= len(shown.encode()) <= 216
    assert shown == shown.strip()
    assert not set(shown) & ({"/", "\\", "\r", "\n", "\0"} | BIDI_CONTROLS)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (None, "talk"),
        ("  A talk. ", "A talk."),
        ("\u202eklat\u0007", "klat"),
        (" \u200b\u200d\n", "talk"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_titles_are_clean_and_never_empty(person: Person, title: str | None, shown: str) -> None:
    created = person.post("/videos", json={**ANNOUNCED, "title": title}).json
    assert created
    address = f"/videos/{created['video_id']}"
    assert (person.get(address).json or {})["title"] == shown
    if title is not None:
        person.patch(address, json={"title": "Another"})
        assert (person.patch(address, json={"title": title}).json or {})["title"] == shown


@given(st.text(max_size=255), st.text(max_size=400))
def test_a_shown_title_is_harmless(title: str, filename: str) -> None:
    shown = display_title(title, display_filename(filename))
    assert shown
    assert not set(shown) & ({"\r", "\n", "\0", "\u200b"} | BIDI_CONTROLS)
