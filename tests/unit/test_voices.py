"""Casting gives each speaker a voice that speaks the language, and different ones where there are any."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PermanentError
from shared.spoken import speaking, speaks
from worker.engines.protocols import Voice
from worker.voices import cast, demand_offered

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


MEASURED = (
    Voice("e:low", "Low", ("es",), "male", pitch=95.0),
    Voice("e:mid", "Middle", ("es",), "male", pitch=125.0),
    Voice("e:high", "High", ("es",), "female", pitch=210.0),
    Voice("e:alto", "Alto", ("es",), "female", pitch=175.0),
    Voice("other:es", "Another engine's", ("es",), "male", pitch=110.0),
)
pitches = st.dictionaries(st.sampled_from("ABCDEFG"), st.floats(70, 350))


def test_each_speaker_gets_the_nearest_voice_of_their_own():
    speakers = ["A", "B", "C", "D"]
    heard = {"A": 130.0, "B": 215.0, "C": 92.0, "D": 170.0}
    assert cast(speakers, "es", MEASURED, {}, heard) == {"A": "e:mid", "B": "e:high", "C": "e:low", "D": "e:alto"}
    assert cast(speakers, "es", MEASURED, {"default": "auto"}, heard) == cast(speakers, "es", MEASURED, {}, heard)


def test_the_gender_that_a_pitch_suggests_counts_more_than_some_semitones():
    assert cast(["A"], "es", MEASURED[1:3], {}, {"A": 160.0}) == {"A": "e:high"}


def test_auto_for_one_speaker_leaves_the_others_their_wish():
    assert cast(["A", "B"], "es", MEASURED, {"A": "auto", "default": "e:low"}, {"A": 94.0, "B": 94.0}) == {
        "A": "e:mid", "B": "e:low",
    }  # fmt: skip


@given(pitches)
def test_distinct_speakers_get_distinct_voices_while_there_are_any(heard):
    chosen = cast(list(heard), "es", MEASURED, {}, heard)
    assert set(chosen) == set(heard)
    assert len(set(chosen.values())) == min(len(heard), 4)
    assert chosen == cast(list(heard), "es", MEASURED, {}, heard)


def test_a_voice_that_is_gone_is_named_and_not_replaced() -> None:
    offered = [Voice("a:1", "One", ("es",))]
    demand_offered(["Ana", "Ben"], {"Ana": "a:1", "default": "auto", "Eva": "a:gone"}, offered)
    demand_offered(["Ana"], {"default": "clone"}, offered)
    for wished in ({"default": "a:gone"}, {"Ben": "a:gone", "default": "a:1"}):
        with pytest.raises(PermanentError, match="a:gone") as gone:
            demand_offered(["Ana", "Ben"], wished, offered)
        assert gone.value.code == "voice_not_found"


def test_a_region_is_a_preference() -> None:
    spain, mexico, french = Voice("a:s", "S", ("es",)), Voice("a:m", "M", ("es-MX",)), Voice("b:f", "F", ("fr",))
    offered = [french, spain, mexico]
    assert speaking(offered, "es-MX") == [mexico, spain]
    assert speaking(offered, "es") == [spain, mexico]
    assert speaking(offered, "es-AR") == [spain, mexico]
    assert speaking(offered, "de") == []
    assert cast(["Ana"], "es-MX", offered, {}) == {"Ana": "a:m"}
