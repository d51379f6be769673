"""Synthesisers as one: the voice says who speaks, and who stands in does so in a voice like it."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from tests.contracts.troubled import BUSY, QUICK, Fails, always, quick
from tests.fakes import FakeSynthesiser
from tests.standins.server import QUOTA, serving
from worker.engines import chain
from worker.engines.chain import SpeechSynthesisChain, Utterance
from worker.engines.errors import content_refused
from worker.engines.protocols import NO_SPEECH_CONTEXT, Sound, SpeechContext, Voice

REFUSED = content_refused("acme", "No.")


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
