"""Casting gives each speaker a voice that speaks the language, and different ones where there are any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError
from worker.engines.protocols import Voice
from worker.voices import cast, speaks

VOICES = (
    Voice("e:es", "Plain", ("es",), "male"),
    Voice("e:es+m", "Deep", ("es",), "male"),
    Voice("e:es+f", "High", ("es", "es-MX"), "female"),
    Voice("e:ca", "Catalan", ("ca",), None),
)


@given(st.lists(st.text(min_size=1, max_size=3), unique=True, max_size=6), st.sampled_from(["es", "ca", "es-419"]))
def test_every_speaker_gets_a_voice_of_the_language(speakers, language):
    chosen = cast(speakers, language, VOICES, {})
    assert set(chosen) == set(speakers)
    known = {voice.voice_id: voice for voice in VOICES}
    assert all(speaks(known[voice_id], language) for voice_id in chosen.values())


def test_two_speakers_differ_in_gender_where_that_can_be():
    assert cast(["A", "B", "C"], "es", VOICES, {}) == {"A": "e:es", "B": "e:es+f", "C": "e:es+m"}


def test_a_wish_counts_for_its_speaker_and_the_default_for_the_rest():
    wished = {"A": "e:es+f", "default": "e:es+m"}
    assert cast(["A", "B"], "es", VOICES, wished) == {"A": "e:es+f", "B": "e:es+m"}


def test_a_wish_for_another_language_does_not_count():
    assert cast(["A"], "ca", VOICES, {"default": "e:es"}) == {"A": "e:ca"}


def test_a_language_without_a_voice_is_said():
    with pytest.raises(PermanentError) as caught:
        cast(["A"], "ko", VOICES, {})
    assert caught.value.code == "no_voice"
