"""A chain is an engine: it keeps the Protocol's promises, tries again, hands over, and says who did what."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from tests.contracts.conftest import kept_in, settings_in
from tests.fakes import FakeAligner, FakeRecogniser, FakeSeparator, FakeSynthesiser, FakeTranslator
from tests.standins.server import QUOTA, serving
from worker.engines import chain
from worker.engines.chain import (
    ForcedAlignmentChain,
    SourceSeparationChain,
    SpeechRecognitionChain,
    SpeechSynthesisChain,
    TranslationChain,
    Utterance,
)
from worker.engines.errors import LeftAloneError, content_refused, out_of_quota
from worker.engines.protocols import (
    NO_SPEECH_CONTEXT,
    NO_TRANSLATION_CONTEXT,
    Piece,
    Recognised,
    Sound,
    SourceLine,
    SpeechContext,
    Translated,
    TranslationContext,
    Voice,
)

QUICK: dict[str, Any] = {"engine_attempts": 3, "engine_first_wait_seconds": 0.001}
BUSY = TransientError("provider_busy", "Busy.")
LEFT_ALONE = LeftAloneError("provider_unavailable", "Left alone.", 1.0)
REFUSED = content_refused("acme", "No.")
LINES = [SourceLine(number, f"line {number}", "S1", 2.0) for number in range(4)]


class Fails:
    """Raises the errors of its script in turn, the last for ever where it is to last; counts its calls."""

    def __init__(self, *errors: PipelineError | None, for_ever: bool = False) -> None:
        self.calls: list[str] = []
        self._errors, self._for_ever = list(errors), for_ever

    def __call__(self, work: str) -> None:
        self.calls.append(work)
        error = self._errors[0] if self._errors else None
        if len(self._errors) > 1 or not self._for_ever:
            self._errors = self._errors[1:]
        if error is not None:
            raise error


def always(error: PipelineError) -> Fails:
    return Fails(error, for_ever=True)


def named(engine: Any, name: str) -> Any:
    engine.name = name
    return engine


def quick(**values: Any) -> Settings:
    return settings_in(Path("unused"), **{**QUICK, **values})


def translators(*before: Fails, **values: Any) -> TranslationChain:
    engines = [named(FakeTranslator(one), name) for one, name in zip(before, "abc", strict=False)]
    return TranslationChain(engines, quick(**values))


def test_a_chain_of_one_is_that_engine(engine_settings: Callable[..., Settings]) -> None:
    one = chain.translation(engine_settings(translation=("fake",)))
    assert (one.name, one.model, one.label) == ("fake", "fake-1", "fake/fake-1")
    assert one.translate(LINES, "en", "es").texts == FakeTranslator().translate(LINES, "en", "es").texts
    assert one.translate([], "en", "es").texts == ()


def test_trouble_is_tried_again_and_then_handed_over() -> None:
    passing, steady = Fails(BUSY, BUSY), Fails()
    assert set(translators(passing, steady).translate(LINES, "en", "es").engines) == {"a/fake-1"}
    assert (len(passing.calls), len(steady.calls)) == (3, 0)
    lasting = always(BUSY)
    assert set(translators(lasting, steady).translate(LINES, "en", "es").engines) == {"b/fake-1"}
    assert (len(lasting.calls), len(steady.calls)) == (3, 1)


@pytest.mark.parametrize("error", [out_of_quota("acme"), LEFT_ALONE, PermanentError("provider_refused_key", "No.")])
def test_what_no_waiting_mends_is_handed_over_at_once(error: PipelineError) -> None:
    away = always(error)
    assert set(translators(away, Fails()).translate(LINES, "en", "es").engines) == {"b/fake-1"}
    assert len(away.calls) == 1


def test_the_last_engine_is_waited_for_while_it_is_left_alone() -> None:
    back_soon = Fails(LeftAloneError("provider_unavailable", "Left alone.", 0.01))
    assert set(translators(always(out_of_quota("a")), back_soon).translate(LINES, "en", "es").engines) == {"b/fake-1"}


def test_when_all_give_up_the_first_that_may_pass_is_raised() -> None:
    with pytest.raises(TransientError, match=r"Busy\."):
        translators(always(PermanentError("provider_refused_key", "No.")), always(BUSY)).translate(LINES, "en", "es")
    with pytest.raises(PermanentError) as refused:
        translators(always(PermanentError("provider_refused", "No.")), Fails()).translate(LINES, "en", "es")
    assert refused.value.code == "provider_refused"


def test_only_engines_that_serve_the_pair_are_asked() -> None:
    other, serving = Fails(), Fails()
    engines = [FakeTranslator(other, frozenset({("es", "en")})), FakeTranslator(serving)]
    both = TranslationChain(engines, quick())
    assert both.pairs() == FakeTranslator().pairs()
    both.translate(LINES, "en", "es")
    assert (len(other.calls), len(serving.calls)) == (0, 1)
    with pytest.raises(PermanentError) as unserved:
        both.translate(LINES, "en", "tlh")
    assert unserved.value.code == "unsupported_language_pair"


class Prudish(FakeTranslator):
    """Refuses the lines of its list."""

    def __init__(self, refused: frozenset[int]) -> None:
        super().__init__()
        self._refused = refused

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        made = super().translate(lines, source, target, context)
        refused = frozenset(line.id for line in lines if line.id in self._refused)
        texts = tuple("" if line.id in refused else text for line, text in zip(lines, made.texts, strict=True))
        return Translated(texts, made.summary, refused)


IDS = st.frozensets(st.integers(0, 3))


@trials(max_examples=40, deadline=None)
@given(first=IDS, second=IDS)
def test_a_refused_line_goes_to_the_next_and_only_that(first: frozenset[int], second: frozenset[int]) -> None:
    engines = [named(Prudish(first), "a"), named(Prudish(second), "b")]
    both = TranslationChain(engines, quick())
    if first & second:
        with pytest.raises(PermanentError) as refused:
            both.translate(LINES, "en", "es")
        assert refused.value.code == "content_refused"
    else:
        made = both.translate(LINES, "en", "es")
        assert made.texts == FakeTranslator().translate(LINES, "en", "es").texts
        assert made.refused == first
        assert made.engines == tuple("b/fake-1" if line.id in first else "a/fake-1" for line in LINES)


def test_a_refusal_fails_where_it_is_to_fail() -> None:
    engines = [Prudish(frozenset({1})), FakeTranslator()]
    with pytest.raises(PermanentError, match="line 1") as refused:
        TranslationChain(engines, quick(content_refused="fail")).translate(LINES, "en", "es")
    assert refused.value.code == "content_refused"


def test_a_reply_of_the_wrong_length_is_not_guessed_at() -> None:
    class Short(FakeTranslator):
        def translate(self, *args: Any, **more: Any) -> Translated:
            return Translated(("one",))

    with pytest.raises(TransientError) as malformed:
        TranslationChain([Short()], quick()).translate(LINES, "en", "es")
    assert malformed.value.code == "provider_answer_malformed"


def test_shortening_is_for_engines_that_can() -> None:
    mute = FakeTranslator()
    mute.shortens = False
    assert TranslationChain([mute, FakeTranslator()], quick()).shorten(LINES[0], "one two", 4, "en", "es") == "one"
    with pytest.raises(PermanentError) as not_shorter:
        TranslationChain([mute], quick()).shorten(LINES[0], "one two", 4, "en", "es")
    assert not_shorter.value.code == "cannot_shorten"


# Recognition ----------------------------------------------------------------------------------------------------


def piece(index: int, seconds: float = 2.0) -> Piece:
    return Piece(index, index * 10.0, Sound(np.ones(int(seconds * 100), np.float32), 100))


class Deaf(FakeRecogniser):
    """Meets trouble with some pieces, some times each; notes each piece it was given."""

    def __init__(self, troubles: dict[int, int], error: PipelineError = BUSY) -> None:
        super().__init__()
        self.given: list[int] = []
        self._troubles, self._error = dict(troubles), error

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        met = None
        for one in pieces:
            self.given.append(one.index)
            if self._troubles.get(one.index):
                self._troubles[one.index] -= 1
                met = self._error
            else:
                yield from super().recognise([one], language)
        if met:
            raise met


def recognisers(*engines: FakeRecogniser) -> SpeechRecognitionChain:
    return SpeechRecognitionChain([named(one, name) for one, name in zip(engines, "abc", strict=False)], quick())


@trials(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 5), st.integers(0, 4)), st.integers(0, 6))
def test_every_piece_is_heard_once_and_none_that_was_heard_is_given_again(troubles: dict[int, int], count: int) -> None:
    first, second = Deaf(troubles), Deaf({})
    heard = list(recognisers(first, second).recognise(map(piece, range(count)), "en"))
    assert sorted(one.index for one in heard) == list(range(count))
    for one in heard:
        lost = troubles.get(one.index, 0)
        assert one.engine == ("b/fake-1" if lost >= 3 else "a/fake-1")
        assert first.given.count(one.index) == min(lost + 1, 3)
        assert second.given.count(one.index) == (1 if lost >= 3 else 0)


def test_pieces_are_taken_as_they_are_worked_on_and_trouble_holds_them_back() -> None:
    taken: list[int] = []

    def long_pieces() -> Iterator[Piece]:
        for index in range(40):
            taken.append(index)
            yield piece(index, seconds=100.0)

    answers = recognisers(Deaf({})).recognise(long_pieces(), "en")
    next(answers)
    assert len(taken) <= 3
    with pytest.raises(TransientError):
        list(recognisers(Deaf(dict.fromkeys(range(40), 99))).recognise(long_pieces(), "en"))
    assert max(taken) <= 25


def test_an_engine_out_of_quota_hands_its_pieces_over() -> None:
    first, second = Deaf(dict.fromkeys(range(3), 99), out_of_quota("a")), Deaf({})
    heard = list(recognisers(first, second).recognise(map(piece, range(3)), "en"))
    assert [one.engine for one in heard] == ["b/fake-1"] * 3
    assert first.given == second.given == [0, 1, 2]


def test_an_engine_that_leaves_a_piece_out_is_asked_again_and_then_it_is_trouble() -> None:
    class Forgetful(FakeRecogniser):
        def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
            yield from super().recognise((one for one in pieces if one.index != 1), language)

    with pytest.raises(TransientError) as trouble:
        list(recognisers(Forgetful()).recognise(map(piece, range(3)), "en"))
    assert trouble.value.code == "provider_answer_malformed"


def test_only_engines_that_know_the_language_listen() -> None:
    english, both = Deaf({}), Deaf({})
    english.languages, english.detects_language = frozenset({"en"}), False
    known = recognisers(english, both)
    assert known.languages == {"en", "es"}
    assert {one.engine for one in known.recognise([piece(0)], "es")} == {"b/fake-1"}
    assert {one.engine for one in known.recognise([piece(0)], None)} == {"b/fake-1"}
    assert {one.engine for one in known.recognise([piece(0)], "en-GB")} == {"a/fake-1"}
    with pytest.raises(PermanentError) as unknown:
        list(known.recognise([piece(0)], "ko"))
    assert unknown.value.code == "language_not_recognised"


def test_doubt_is_by_each_engines_own_measure() -> None:
    sure, unsure = FakeRecogniser(confidence=0.9), FakeRecogniser(confidence=0.4)
    assert not recognisers(sure).doubts(recognisers(sure).recognise([piece(0)], "en"))
    assert recognisers(unsure).doubts(recognisers(unsure).recognise([piece(0)], "en"))
    unsure.doubtful_below = None
    assert not recognisers(unsure, sure).doubts(recognisers(unsure, sure).recognise([piece(0)], "en"))


# Synthesis ------------------------------------------------------------------------------------------------------


class Speaker(FakeSynthesiser):
    """Speaks with voices of its own name."""

    def __init__(self, name: str, before: Callable[[str], None], languages: tuple[str, ...] = ("en", "es")) -> None:
        super().__init__(before)
        self.name = self.model = name
        self._languages = languages

    def voices(self) -> tuple[Voice, ...]:
        genders = {"f1": "female", "f2": "female", "m1": "male", "m2": "male"}
        return tuple(Voice(f"{self.name}:{own}", own, self._languages, of) for own, of in genders.items())

    def synthesise(
        self,
        text: str,
        voice_id: str,
        language: str,
        *,
        rate: float = 1.0,
        context: SpeechContext = NO_SPEECH_CONTEXT,
    ) -> Sound:
        if voice_id not in {voice.voice_id for voice in self.voices()}:
            raise PermanentError("voice_not_found", f"No voice {voice_id!r}.")
        return super().synthesise(text, "fake:high", language, rate=rate, context=context)


def speakers(*engines: Speaker, **values: Any) -> SpeechSynthesisChain:
    return SpeechSynthesisChain(engines, quick(**values))


def say(voice_id: str, language: str = "en") -> Utterance:
    return Utterance("hello", voice_id, language)


def test_the_voice_says_who_speaks() -> None:
    both = speakers(Speaker("x", Fails()), Speaker("y", Fails()))
    said = both.speak(say("y:m1"))
    assert (said.engine, said.voice_id, said.reasons) == ("y/y", "y:m1", ())
    assert {voice.engine for voice in both.voices()} == {"x", "y"}
    with pytest.raises(PermanentError) as unknown:
        both.speak(say("z:m1"))
    assert unknown.value.code == "voice_not_found"
    with pytest.raises(PermanentError, match="y:gone"):
        both.speak(say("y:gone"))


def test_an_engine_that_is_out_is_stood_in_for_by_like_voices_one_each() -> None:
    both = speakers(Speaker("out", always(BUSY)), Speaker("in", Fails()))
    stood_in = {voice: both.speak(say(f"out:{voice}")) for voice in ("f1", "f2", "m1", "m2")}
    assert {said.reasons for said in stood_in.values()} == {("voice_substituted",)}
    assert {said.engine for said in stood_in.values()} == {"in/in"}
    assert len({said.voice_id for said in stood_in.values()}) == 4
    assert all(said.voice_id[3] == voice[0] for voice, said in stood_in.items())
    assert both.speak(say("out:f1")).voice_id == stood_in["f1"].voice_id


def test_no_substitute_for_the_language_is_trouble_that_may_pass() -> None:
    both = speakers(Speaker("away", always(BUSY)), Speaker("english", Fails(), ("en",)))
    with pytest.raises(TransientError, match="Busy"):
        both.speak(say("away:f1", "es"))


def test_a_stand_in_that_has_nothing_to_say_is_no_verdict_on_the_voice() -> None:
    nothing = always(PermanentError("empty_speech", "Nothing to say."))
    said = speakers(Speaker("missing", always(BUSY)), Speaker("dumb", nothing)).speak(say("missing:f1"))
    assert (len(said.sound.samples), said.reasons) == (0, ("voice_substituted",))
    for both in (
        speakers(Speaker("missing", always(BUSY)), Speaker("dumb", nothing)),
        speakers(Speaker("dumb", nothing)),
    ):
        with pytest.raises(PermanentError) as silent:
            both.synthesise("hello", f"{both.engines[0].name}:f1", "en")
        assert silent.value.code == "empty_speech"


def test_refused_content_that_nobody_else_speaks_the_language_of_is_said_to_be_refused() -> None:
    both = speakers(Speaker("prim", always(REFUSED)), Speaker("anglophone", Fails(), ("en",)))
    both.voices()
    with pytest.raises(PermanentError) as refused:
        both.speak(say("prim:f1", "es"))
    assert refused.value.code == "content_refused"


def test_a_stand_in_that_does_not_list_its_voices_is_asked_as_often_as_patience_says() -> None:
    asked: list[str] = []

    class Secretive(Speaker):
        def voices(self) -> tuple[Voice, ...]:
            asked.append(self.name)
            raise BUSY

    both = speakers(Speaker("gone", always(BUSY)), Secretive("secretive", Fails()))
    with pytest.raises(TransientError):
        both.speak(say("gone:f1"))
    assert len(asked) == QUICK["engine_attempts"]
    asked.clear()
    both.voices_for("en", {"default": "secretive:x"})
    assert len(asked) == QUICK["engine_attempts"]


@pytest.mark.parametrize("refusal", ["fallback", "fail"])
def test_refused_content_is_spoken_by_the_next_or_fails(refusal: str) -> None:
    both = speakers(Speaker("prude", always(REFUSED)), Speaker("frank", Fails()), content_refused=refusal)
    if refusal == "fallback":
        said = both.speak(say("prude:f1"))
        assert said.reasons == ("content_refused", "voice_substituted")
        assert said.engine == "frank/frank"
    else:
        with pytest.raises(PermanentError) as refused:
            both.speak(say("prude:f1"))
        assert refused.value.code == "content_refused"


def test_a_provider_that_does_not_list_its_voices_keeps_those_wished_for() -> None:
    class Silent(Speaker):
        def voices(self) -> tuple[Voice, ...]:
            raise BUSY

    both = speakers(Silent("mute", Fails()), Speaker("open", Fails()))
    assert {voice.engine for voice in both.voices()} == {"open"}
    wished = both.voices_for("es", {"S1": "mute:own", "S2": "gone:voice"})
    assert [voice.voice_id for voice in wished if voice.engine != "open"] == ["mute:own"]
    with pytest.raises(TransientError):
        speakers(Silent("mute too", Fails())).voices()


def test_rates_are_what_every_engine_can_do_and_a_voices_own_are_its_engines() -> None:
    slow, fixed = Speaker("slow", Fails()), Speaker("fixed", Fails())
    slow.rates, fixed.rates = (0.5, 1.2), (1.0, 1.0)
    both = speakers(slow, fixed)
    assert both.rates == (1.0, 1.0)
    assert both.rates_of("slow:f1") == (0.5, 1.2)
    assert both.speak(Utterance("hello", "fixed:f1", "en", rate=2.0)).sound.seconds == pytest.approx(0.3)


def test_a_real_adapter_out_of_quota_hands_over_after_one_call(engine_settings: Callable[..., Settings]) -> None:
    with serving("elevenlabs_speaking", "fish_speaking") as server:
        server.plan("elevenlabs_speech", QUOTA)
        both = engine_settings(speech_synthesis=("elevenlabs", "fish"), **server.settings(), **QUICK)
        said = chain.speech_synthesis(both).speak(Utterance("Hello there.", "elevenlabs:pNInz6obpgDQGcFmaJgB", "en"))
        assert said.engine == "fish/s1"
        assert said.voice_id == "fish:bf322df2096a46f18c579d0baa36f41d"  # a man's, too
        assert said.reasons == ("voice_substituted",)
        assert (server.calls("elevenlabs_speech"), server.calls("fish_speech")) == (1, 1)


# The others -----------------------------------------------------------------------------------------------------


def test_the_others_hand_over_too(tmp_path: Path) -> None:
    separators = [named(FakeSeparator(always(BUSY)), "a"), named(FakeSeparator(), "b")]
    assert (
        SourceSeparationChain(separators, quick()).separate(tmp_path / "x", tmp_path, kept_in(tmp_path)).engine
        == "b/fake-1"
    )
    aligners = [FakeAligner(always(BUSY)), FakeAligner()]
    sound = piece(0).sound
    assert ForcedAlignmentChain(aligners, quick()).align(sound, ["one"], "en") == FakeAligner().align(
        sound, ["one"], "en"
    )
