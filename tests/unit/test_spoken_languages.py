"""However a recogniser names the language it heard, it is one that is offered."""

import pytest

from worker.engines.speech_recognition.spoken_languages import SCRIBE, WHISPER, tag_of, whisper_code


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ("english", "en"), ("eng", "en"), ("en", "en"), ("chinese", "zh"), ("zho", "zh"), ("cmn", "zh"), ("yue", "yue"),
        ("norwegian", "no"), ("nob", "no"), ("nynorsk", "no"), ("tagalog", "fil"), ("tgl", "fil"), ("arb", "ar"),
        ("castilian", "es"), ("und", None), ("", None), (None, None), ("no language at all", None),
    ],
)  # fmt: skip
def test_the_language_heard(told: str | None, tag: str | None) -> None:
    assert tag_of(told) == tag


def test_what_is_sent_as_a_language_comes_back_as_it() -> None:
    for tag in WHISPER:
        assert tag_of(whisper_code(tag)) == tag
    assert {tag_of(tag) for tag in SCRIBE} == SCRIBE
