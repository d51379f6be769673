"""The recognisers of OpenAI and ElevenLabs over their real SDKs: what they ask for, and what goes wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from shared.config import Settings, SettingsError
from shared.errors import PermanentError, PipelineError, TransientError
from tests.contracts.conftest import ALSO_ENGLISH, ENGLISH, music, spoken
from tests.standins import hearing
from tests.standins.hearing import Recording, Said, even
from tests.standins.server import CUT, EMPTY_AUDIO, MALFORMED, QUOTA, Fault, Server, serving, slow, status
from worker.engines import registry
from worker.engines.door import listen
from worker.engines.errors import OutOfQuotaError
from worker.engines.protocols import Piece, Recognised, Sound, SpeechRecogniser
from worker.engines.sdk.sound_file import encoded
from worker.engines.speech_recognition.known_speakers import MOST, acquainted
from worker.engines.speech_recognition.spoken_languages import tag_of, whisper_code
from worker.engines.speech_recognition.turns import Turn, punctuated, speakers_of, spread
from worker.joining import Part, joined
from worker.media.voice_activity import PIECE_MARGIN

RATE = 16_000
ROUTES = {"openai": "openai_transcriptions", "elevenlabs": "elevenlabs_speech_to_text"}
ONE_CALL = {"openai_diarisation_model": "none"}
Make = Callable[..., SpeechRecogniser]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("openai_hearing", "elevenlabs_hearing") as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(server: Server) -> Iterator[None]:
    server.forget()
    yield
    hearing.KNOWN.clear()


@pytest.fixture
def make(server: Server, engine_settings: Callable[..., Settings]) -> Make:
    def made(name: str, **overrides: Any) -> SpeechRecogniser:
        settings = engine_settings(speech_recognition=(name,), **server.settings(), **overrides)
        return registry.build("speech_recognition", settings)

    return made


@pytest.fixture(scope="module")
def line() -> Sound:
    return Sound(spoken(ENGLISH), RATE)


def known(sound: Sound, text: str = ENGLISH, **options: Any) -> None:
    hearing.KNOWN.append(Recording(sound.samples, even(text, sound.seconds), **options))


def texts(heard: Recognised) -> str:
    return " ".join(word.text for word in heard.words)


@pytest.mark.parametrize("name", ROUTES)
@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (status(429, retry_after=7), TransientError, "provider_busy"),
        (status(500), TransientError, "provider_unavailable"),
        (status(503), TransientError, "provider_unavailable"),
        (status(408), TransientError, "provider_unavailable"),
        (CUT, TransientError, "provider_unavailable"),
        (MALFORMED, TransientError, "provider_answer_malformed"),
        (QUOTA, OutOfQuotaError, "provider_out_of_quota"),
        (status(401), PermanentError, "provider_refused_key"),
        (status(422), PermanentError, "provider_refused"),
    ],
)
def test_each_failure_has_its_error_and_nothing_is_tried_again(
    name: str, fault: Fault, kind: type[PipelineError], code: str, make: Make, server: Server, line: Sound
) -> None:
    known(line)
    server.plan(ROUTES[name], fault)
    with pytest.raises(kind) as failed:
        list(make(name, **ONE_CALL).recognise([Piece(0, 0.0, line)], "en"))
    assert failed.value.code == code
    assert server.calls() == 1
    if fault.retry_after:
        assert isinstance(failed.value, TransientError)
        assert failed.value.retry_after == fault.retry_after


@pytest.mark.parametrize("name", ROUTES)
def test_an_answer_that_does_not_come_is_transient(name: str, make: Make, server: Server, line: Sound) -> None:
    server.plan(ROUTES[name], slow(20.0))
    word = Sound(line.samples[:RATE], RATE)
    with pytest.raises(TransientError) as failed:
        list(make(name, provider_timeout_seconds=0.5, **ONE_CALL).recognise([Piece(0, 0.0, word)], "en"))
    assert failed.value.code == "provider_unavailable"


@pytest.mark.parametrize("name", ROUTES)
def test_nothing_heard_is_no_words(name: str, make: Make, server: Server, line: Sound) -> None:
    server.plan(ROUTES[name], EMPTY_AUDIO, EMPTY_AUDIO)
    assert [texts(heard) for heard in make(name).recognise([Piece(0, 0.0, line)], "en")] == [""]


@pytest.mark.parametrize("name", ROUTES)
def test_pieces_that_went_well_come_and_only_the_others_are_asked_for_again(
    name: str, make: Make, server: Server, line: Sound
) -> None:
    known(line)
    pieces = [Piece(index, 10.0 * index, line) for index in range(4)]
    server.plan(ROUTES[name], None, status(500), None, CUT)
    recogniser, heard = make(name, **ONE_CALL), []
    with pytest.raises(TransientError):
        heard.extend(recogniser.recognise(pieces, "en"))
    missing = [piece for piece in pieces if piece.index not in {one.index for one in heard}]
    heard.extend(recogniser.recognise(missing, "en"))
    assert sorted(one.index for one in heard) == [0, 1, 2, 3]
    assert {texts(one) for one in heard} == {ENGLISH}
    assert server.calls() == 6


@pytest.mark.parametrize("name", ROUTES)
def test_a_used_up_quota_ends_the_pass(name: str, make: Make, server: Server, line: Sound) -> None:
    server.plan(ROUTES[name], *[QUOTA] * 40)
    recogniser = make(name, openai_concurrency=2, elevenlabs_concurrency=2, **ONE_CALL)
    with pytest.raises(OutOfQuotaError):
        list(recogniser.recognise((Piece(index, 0.0, line) for index in range(40)), "en"))
    assert server.calls() <= 4


@pytest.mark.parametrize("name", ROUTES)
def test_what_was_used_is_told(name: str, make: Make, server: Server, line: Sound) -> None:
    known(line)
    told: list[Any] = []
    server.plan(ROUTES[name], status(500))
    unheard = listen(told.append)
    recogniser = make(name, **ONE_CALL)
    with pytest.raises(TransientError):
        list(recogniser.recognise([Piece(0, 0.0, line)], "en"))
    list(recogniser.recognise([Piece(0, 0.0, line)], "en"))
    unheard()
    failed, done = told
    assert (failed.provider, failed.slot, failed.outcome, failed.usage) == (
        name, "speech_recognition", "provider_unavailable", (),
    )  # fmt: skip
    assert (done.model, done.outcome, done.usage[0].unit) == (recogniser.model, "ok", "seconds")
    assert line.seconds <= done.usage[0].amount < line.seconds + 1


@pytest.mark.parametrize("name", ROUTES)
def test_the_language_that_is_heard_is_told(name: str, make: Make, line: Sound) -> None:
    known(line, "Buenos días a todos ustedes.", language="spanish")
    heard = list(make(name).recognise([Piece(0, 0.0, line)], None))
    assert [one.language for one in heard] == ["es"]


@pytest.mark.parametrize("name", ROUTES)
def test_words_come_with_their_punctuation(name: str, make: Make, line: Sound) -> None:
    known(line, "Well, who is it? Nobody!")
    assert texts(next(make(name).recognise([Piece(0, 5.0, line)], "en"))) == "Well, who is it? Nobody!"


def test_scribe_is_asked_for_words_and_speakers_without_laughter(make: Make, server: Server, line: Sound) -> None:
    known(line)
    list(make("elevenlabs").recognise([Piece(0, 0.0, line)], "en-GB"))
    asked = server.asked()[0].document
    assert {name: asked[name][0] for name in ("model_id", "language_code", "diarize", "timestamps_granularity")} == {
        "model_id": "scribe_v2", "language_code": "en", "diarize": "true", "timestamps_granularity": "word",
    }  # fmt: skip
    assert asked["tag_audio_events"] == ["false"]


@pytest.fixture(scope="module")
def dialogue() -> tuple[Sound, list[Said]]:
    """Two people in turn for a minute; in its last quarter Bob begins."""
    ann, bob = spoken(ENGLISH), spoken(ALSO_ENGLISH, "rms")
    turns = [("ann", ann, ENGLISH), ("bob", bob, ALSO_ENGLISH)] * 6
    turns += [("bob", bob, ALSO_ENGLISH), ("ann", ann, ENGLISH)] * 2
    samples: list[Any] = []
    said: list[Said] = []
    for speaker, sound, text in turns:
        said += even(text, len(sound) / RATE, speaker, sum(map(len, samples)) / RATE)
        samples += [sound, np.zeros(RATE // 2, np.float32)]
    return Sound(np.concatenate(samples) + music(sum(map(len, samples)) / RATE, 0.001), RATE), said


@pytest.mark.parametrize("name", ROUTES)
def test_speakers_keep_their_names_over_pieces_and_no_word_is_doubled_or_lost(
    name: str, make: Make, server: Server, dialogue: tuple[Sound, list[Said]]
) -> None:
    sound, said = dialogue
    hearing.KNOWN.append(Recording(sound.samples, said))
    bounds = [(0.0, 23.0), (16.0, 44.0), (36.5, sound.seconds)]
    pieces = [
        Piece(index, start, Sound(sound.samples[int(start * RATE) : int(end * RATE)], RATE))
        for index, (start, end) in enumerate(bounds)
    ]
    heard = sorted(make(name).recognise(pieces, "en"), key=lambda one: one.index)
    parts = [Part(*times, one.words, one.speakers) for times, one in zip(bounds, heard, strict=True)]
    found = joined(parts)
    assert [word.text for word in found.words] == [word.text for word in said]
    assert found.speakers is not None
    names = dict(zip(("ann", "bob"), dict.fromkeys(found.speakers), strict=True))
    assert all(name.startswith("0:") for name in names.values())
    assert list(found.speakers) == [names[word.speaker] for word in said]


def test_speakers_of_the_first_piece_are_pointed_out_in_the_next(
    make: Make, server: Server, dialogue: tuple[Sound, list[Said]]
) -> None:
    sound, said = dialogue
    hearing.KNOWN.append(Recording(sound.samples, said))
    cut = round(said[-1].end * RATE) - 8 * RATE
    pieces = [Piece(0, 0.0, Sound(sound.samples[:cut], RATE)), Piece(1, cut / RATE, Sound(sound.samples[cut:], RATE))]
    first, second = make("openai").recognise(pieces, "en")
    assert first.speakers is not None
    assert second.speakers is not None
    assert set(second.speakers) <= set(first.speakers) == {"0:A", "0:B"}
    diarising = [a.document for a in server.asked() if a.document["response_format"] == ["diarized_json"]]
    assert [sorted(asked.get("known_speaker_names[]", [])) for asked in diarising] == [[], ["p0A", "p0B"]]


def test_half_an_answer_is_not_paid_twice(make: Make, server: Server, line: Sound) -> None:
    known(line)
    server.plan(ROUTES["openai"], status(500))
    recogniser = make("openai")
    with pytest.raises(TransientError):
        list(recogniser.recognise([Piece(0, 0.0, line)], "en"))
    assert texts(next(recogniser.recognise([Piece(0, 0.0, line)], "en"))) == ENGLISH
    assert server.calls() == 3


@pytest.mark.parametrize(
    ("models", "name", "times", "speakers"),
    [
        (("whisper-1", "gpt-4o-transcribe-diarize"), "whisper-1+gpt-4o-transcribe-diarize", True, True),
        (("whisper-1", "none"), "whisper-1", True, False),
        (("none", "gpt-4o-transcribe-diarize"), "gpt-4o-transcribe-diarize", False, True),
        (("gpt-transcribe", "gpt-4o-transcribe-diarize"), "gpt-4o-transcribe-diarize", False, True),
        (("gpt-transcribe", "none"), "gpt-transcribe", False, False),
    ],
)
def test_the_models_that_are_configured_are_asked(
    models: tuple[str, str], name: str, times: bool, speakers: bool, make: Make, server: Server, line: Sound
) -> None:
    known(line)
    recogniser = make("openai", openai_transcription_model=models[0], openai_diarisation_model=models[1])
    heard = next(recogniser.recognise([Piece(0, 3.0, line)], "en"))
    assert texts(heard) == ENGLISH
    assert recogniser.model == name
    assert "+".join(sorted(a.document["model"][0] for a in server.asked())) == "+".join(sorted(name.split("+")))
    assert (heard.speakers is not None) == recogniser.diarises == speakers
    assert (recogniser.doubtful_below is not None) == times
    assert [word.start for word in heard.words] == pytest.approx(
        [3.0 + word.start for word in even(ENGLISH, line.seconds)], abs=0.01
    )


def test_no_model_at_all_is_a_mistake(make: Make) -> None:
    with pytest.raises(SettingsError, match="ONEVOICE_OPENAI_TRANSCRIPTION_MODEL"):
        make("openai", openai_transcription_model="none", openai_diarisation_model="none")


def test_whispers_own_doubts_are_heeded(make: Make, line: Sound) -> None:
    said = even("We begin now. Thanks for watching", line.seconds)
    doubtful = [Said(w.text, w.start, w.end, "ann", -1.3, 0.9) for w in said[3:]]
    hearing.KNOWN.append(Recording(line.samples, [*said[:3], *doubtful]))
    heard = next(make("openai", **ONE_CALL).recognise([Piece(0, 0.0, line)], "en"))
    assert texts(heard) == "We begin now."
    assert all(word.confidence == pytest.approx(np.exp(-0.2)) for word in heard.words)


def test_no_piece_is_larger_than_openai_takes(make: Make) -> None:
    """Not even noise, which FLAC can't compress. The margins that a piece is read with are in it."""
    noise = np.random.default_rng(0).uniform(-1, 1, 30 * RATE).astype(np.float32)
    a_second = len(encoded(Sound(noise, RATE))) / 30
    assert (make("openai").longest_piece + 2 * PIECE_MARGIN) * a_second < 25_000_000


def test_silence_is_not_asked_about(make: Make, server: Server) -> None:
    silence = [Piece(0, 0.0, Sound(np.zeros(RATE, np.float32), RATE)), Piece(1, 2.0, Sound(music(0.05), RATE))]
    assert [one.words for one in make("openai").recognise(silence, "en")] == [(), ()]
    assert server.calls() == 0


def test_a_word_is_the_speakers_whose_turn_it_overlaps_longest() -> None:
    words = [*spread("one two", 0.0, 1.0), *spread("three", 1.4, 1.6), *spread("four", 9.0, 9.5)]
    turns = [Turn(0.0, 0.9, "A"), Turn(0.9, 1.3, "B"), Turn(3.0, 4.0, "C")]
    assert speakers_of(words, turns) == ("A", "A", "B", "C")
    assert speakers_of(words, []) is None


def test_punctuation_comes_back_where_the_text_has_the_words() -> None:
    assert punctuated(["so", "its", "5", "o'clock"], "So, it’s 5 o'clock!") == ["So,", "it’s", "5", "o'clock!"]
    assert punctuated(["a", "b"], "") == ["a", "b"]


def test_at_most_so_many_speakers_are_pointed_out_and_nobody_by_a_word() -> None:
    sound = Sound(np.zeros(60 * RATE, np.float32), RATE)
    turns = [Turn(10.0 * n, 10.0 * n + 1.0 + n, f"0:{n}") for n in range(6)]
    found = acquainted(turns, sound)
    assert found.names == ("0:5", "0:4", "0:3", "0:2")
    assert len(found.names) == MOST


@pytest.mark.parametrize(
    ("told", "tag"), [("english", "en"), ("spa", "es"), ("tagalog", "fil"), ("tl", "fil"), ("", None), ("?!", None)]
)
def test_languages_are_bcp_47_whatever_a_provider_calls_them(told: str, tag: str | None) -> None:
    assert tag_of(told) == tag


def test_whisper_gets_the_codes_it_knows() -> None:
    assert [whisper_code(tag) for tag in ("en-US", "fil", "nb", "zh-Hant")] == ["en", "tl", "no", "zh"]
