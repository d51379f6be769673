"""Voices are told apart by their sound: the right number of them, and each stretch its own speaker's."""

import shutil
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.dubbing.transcript import Word
from worker.diarisation.clustering import grouped
from worker.diarisation.listeners import listener
from worker.diarisation.turns import LONGEST, span_of, turns
from worker.diarisation.voiceprint import CEPSTRA, Voiceprint
from worker.engines.protocols import Sound
from worker.engines.speech_synthesis.flite import FliteSynthesiser

SAID = (
    "Good morning and welcome to our new shop.",
    "I want to buy a book for my sister.",
    "She likes long stories about the mountains.",
    "We have a lot of time this morning.",
)
SILENT = Voiceprint((0.0,) * CEPSTRA, None, 0)
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is a system package")


@cache
def spoken(voice: str, text: str, noise_db: float | None = None) -> Voiceprint:
    """Its voiceprint, over white noise of `noise_db` relative to it."""
    sound = FliteSynthesiser(None).synthesise(text, f"flite:{voice}", "en")  # type: ignore[arg-type]
    samples = soxr.resample(sound.samples, sound.rate, 16_000)
    if noise_db is not None:
        rms = np.sqrt(np.mean(np.square(samples))) * 10 ** (noise_db / 20)
        samples = samples + np.random.default_rng(1).normal(0.0, rms, len(samples)).astype(np.float32)
    return listener()(Sound(samples, 16_000))


@needs_flite
@pytest.mark.parametrize("voices", [("slt",), ("rms",), ("slt", "rms"), ("rms", "awb"), ("awb", "slt", "kal16")])
def test_the_number_of_speakers_is_right_and_each_line_its_speakers(voices):
    order = [voices[n % len(voices)] for n in (0, 1, 1, 2, 0, 0, 1, 2)]
    heard = [spoken(voice, SAID[n % len(SAID)]) for n, voice in enumerate(order)]
    grouping = grouped(heard)
    names = list(dict.fromkeys(order))
    assert [names[label] for label in grouping.labels] == order
    assert grouping.certain


@needs_flite
@pytest.mark.parametrize("noise_db", [-25, -30])
def test_two_near_voices_are_two_over_noise(noise_db):
    heard = [spoken(voice, text, noise_db) for voice, text in zip(("rms", "kal16", "rms"), SAID, strict=False)]
    grouping = grouped(heard)
    assert grouping.labels == (0, 1, 0)
    assert not grouping.certain, "three lines of near voices tell them apart, but only just"


@needs_flite
def test_a_known_number_is_kept():
    heard = [spoken(voice, text) for voice in ("slt", "rms", "awb") for text in SAID[:2]]
    assert grouped(heard, 2).labels[0] != grouped(heard, 2).labels[-1]
    assert len(set(grouped(heard, 2).labels)) == 2
    assert set(grouped(heard, 1).labels) == {0}


@needs_flite
def test_a_voices_pitch_is_what_the_engine_says():
    for voice in FliteSynthesiser(None).voices():  # type: ignore[arg-type]
        assert spoken(voice.voice_id.partition(":")[2], SAID[0]).pitch == pytest.approx(voice.pitch, rel=0.12)


def test_what_cannot_be_told_is_one_speaker_and_uncertain():
    assert grouped([SILENT, SILENT]).labels == (0, 0)
    assert not grouped([SILENT, SILENT]).certain
    assert grouped([]).labels == ()


values = st.floats(-300, 300)
prints = st.builds(
    Voiceprint,
    st.lists(values, min_size=CEPSTRA, max_size=CEPSTRA).map(tuple),
    st.none() | st.floats(66, 399),
    st.integers(0, 800),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(prints, min_size=1, max_size=12), st.none() | st.integers(1, 20))
def test_labels_are_numbered_in_order_and_never_more_than_asked(heard, count):
    labels = grouped(heard, count).labels
    assert len(labels) == len(heard)
    assert list(dict.fromkeys(labels)) == list(range(len(set(labels))))
    assert count is None or len(set(labels)) <= count
    assert labels == grouped(heard, count).labels


gaps = st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 1)), min_size=1, max_size=30)


@given(gaps)
def test_every_word_is_in_one_turn_and_turns_are_cut_at_pauses(timing):
    words, at = [], 0.0
    for gap, length in timing:
        words.append(Word("so", at + gap, at + gap + length))
        at += gap + length
    runs = turns(words)
    assert [word for run in runs for word in run] == words
    assert all(later[0].start - sooner[-1].end >= 0.2 for sooner, later in pairwise(runs))
    assert all(0 < span_of(run).seconds <= LONGEST + 1e-9 for run in runs)


def test_a_sentence_ends_a_turn():
    words = [Word("Yes.", 0, 0.4), Word("No", 0.45, 0.6), Word("way.", 0.6, 1.0)]
    assert [len(run) for run in turns(words)] == [1, 2]


def test_silence_has_no_voiceprint():
    voiceprint = listener()
    assert voiceprint(Sound(np.zeros(16_000, np.float32), 16_000)) == SILENT
    assert voiceprint(Sound(np.zeros(0, np.float32), 16_000)) == SILENT
