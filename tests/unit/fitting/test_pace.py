"""How long a text takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.fitting import pace


def test_a_korean_syllable_takes_as_long_as_two_letters_and_a_digit_as_five():
    assert pace.letters("abc") == 3
    assert pace.letters("항구") == pytest.approx(4.2)
    assert pace.letters("7") == 5
    assert pace.letters("  two   words ") == 9


@pytest.mark.parametrize(
    ("text", "measured"),
    [  # eSpeak 1.51 at its own rate
        ("We went down to the harbour to see the old ships.", 2.45),
        ("Fuimos al puerto para ver los barcos antiguos.", 2.57),
        ("우리는 오래된 배를 보려고 항구로 내려갔습니다.", 3.52),
        ("我们去港口看了那些古老的船。", 3.04),
        ("เราไปที่ท่าเรือเพื่อดูเรือเก่า", 2.86),
        ("हम पुराने जहाज देखने के लिए बंदरगाह गए।", 2.69),
    ],
)
def test_nothing_learned_is_near_what_was_measured(text, measured):
    assert pace.seconds(text, pace.USUAL_PACE) == pytest.approx(measured, rel=0.3)


def test_little_that_is_known_counts_little():
    assert pace.pace(0, 0) == pace.USUAL_PACE
    assert pace.USUAL_PACE < pace.pace(20, 1) < 18
    assert pace.pace(20_000, 1_000) == pytest.approx(20, rel=0.01)


def test_an_unknown_voice_is_taken_for_one_like_the_others():
    known = {"a": (20_000.0, 1_000.0)}
    for voice_id in ("a", "b", None):
        assert pace.pace_of(voice_id, known) == pytest.approx(20, rel=0.01)
    assert pace.pace_of("a", {}) == pace.USUAL_PACE


@given(st.floats(0.1, 600), st.floats(4, 40), st.sampled_from(["en", "ko", "zh", "ja", "th", "sr-Cyrl"]))
def test_what_fits_takes_no_longer_than_the_room(room, letters_per_second, language):
    letter = {"ko": "가", "zh": "船", "ja": "船", "th": "ท"}.get(language, "a")
    count = pace.characters(room, letters_per_second, language)
    assert count >= 1
    if language in {"en", "zh", "sr-Cyrl"} and count > 1:
        assert pace.seconds(letter * count, letters_per_second) <= room + 1e-6
