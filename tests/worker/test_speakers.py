"""Who speaks, through the whole pipeline: told apart by voice, counted as asked, each in a voice near their own."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile

from shared.dubbing.transcript import GivenLine, GivenTranscript, Transcript, Word
from tests.media import speech
from tests.worker.test_pipeline import order, report, run
from worker.diarisation.listeners import Listener
from worker.engines.protocols import Recognised, Sound
from worker.spans import Span
from worker.stages.recognition import document_of
from worker.stages.speakers import Ear, told_apart

SAID = (
    ("slt", "Good morning and welcome to our new shop."),
    ("rms", "I want to buy a book for my sister."),
    ("slt", "Is the book a present for her birthday?"),
    ("rms", "She likes stories about the mountains."),
)
GAP = 0.6
RATE = 16_000


@pytest.fixture(scope="module")
def dialogue(tmp_path_factory) -> tuple[Path, list[Span]]:
    """Two voices in turn, and when each line is said."""
    folder = tmp_path_factory.mktemp("dialogue")
    parts, spans, at = [np.zeros(RATE // 2)], [], 0.5
    for voice, text in SAID:
        sound, rate = soundfile.read(speech(folder / "line.wav", text, voice))
        assert rate == RATE
        parts += [sound, np.zeros(int(GAP * RATE))]
        spans.append(Span(at, at + len(sound) / RATE))
        at = spans[-1].end + GAP
    soundfile.write(folder / "dialogue.wav", np.concatenate(parts), RATE)
    return folder / "dialogue.wav", spans


def given(spans: list[Span]) -> dict:
    lines = (GivenLine(text, span.start, span.end) for (_, text), span in zip(SAID, spans, strict=True))
    return GivenTranscript(tuple(lines)).to_dict()


def dubbed(engine, settings, dialogue, tmp_path, **options):
    path, spans = dialogue
    seconds = soundfile.info(path).duration
    held = order(engine, settings, path, seconds=seconds, source_transcript=given(spans), options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    return report(engine, settings, held, tmp_path)


def test_a_transcript_without_speakers_gets_them_by_voice(engine, settings, dialogue, tmp_path):
    found = dubbed(engine, settings, dialogue, tmp_path)
    assert [line["speaker"] for line in found["lines"]] == ["S1", "S2", "S1", "S2"]
    assert [line["voice"] for line in found["lines"]] == ["fake:high", "fake:low"] * 2, "a woman, and a man"
    assert found["engines"]["diarisation"]
    assert "speakers_uncertain" not in {warning["code"] for warning in found["warnings"]}


def test_as_many_speak_as_was_asked(engine, settings, dialogue, tmp_path):
    found = dubbed(engine, settings, dialogue, tmp_path, speakers=1, voices={"default": "auto"})
    assert {line["speaker"] for line in found["lines"]} == {"S1"}


class Kept:
    """As much of a job as telling speakers apart asks for."""

    def __init__(self, speakers: int | None = None) -> None:
        self.request = self
        self.checkpoints = self
        self.speakers = speakers

    def make_document(self, recipe, build):
        del recipe
        from worker.artifacts import Document

        return Document(build(), True)


@pytest.fixture
def ear(listener: Listener):
    def hearing(path: Path) -> Ear:
        sound, _ = soundfile.read(path, dtype="float32")
        return Ear(lambda start, end: Sound(sound[round(start * RATE) : round(end * RATE)], RATE), listener.voiceprints)

    return hearing


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with closing(Listener()) as one:
        yield one


def test_a_listener_loads_before_there_is_something_to_hear():
    before = set(psutil.Process().children())
    with closing(Listener()) as one:
        one.start()
        (leader,) = set(psutil.Process().children()) - before
        one.start()
        assert one.voiceprints([]) == []
        (heard,) = one.voiceprints([Sound(np.ones(RATE, np.float32), RATE)])
        assert heard.frames
        assert set(psutil.Process().children()) - before == {leader}
    assert not leader.is_running()


def words(span: Span, text: str) -> list[Word]:
    texts = text.rstrip(".?").lower().split()
    step = span.seconds / len(texts)
    return [Word(word, span.start + n * step, span.start + (n + 1) * step) for n, word in enumerate(texts)]


def test_recognised_words_become_segments_of_one_speaker_each(dialogue, ear):
    path, spans = dialogue
    said = tuple(word for span, (_, text) in zip(spans, SAID, strict=True) for word in words(span, text))
    document = document_of([Recognised(0, said, "en")], {0: Span(0.0, 60.0)}, spans, "en", doubtful=False)
    written = Transcript.from_dict(document["transcript"])
    told = told_apart(Kept(), "", written, ear(path), spans, names="none", given=False)  # type: ignore[arg-type]
    assert [line.speaker for line in told.transcript.segments] == ["S1", "S2", "S1", "S2"]
    assert [(line.start, line.end) for line in told.transcript.segments] == spans
    assert told.pitches["S1"] > 150 > told.pitches["S2"]


def test_the_names_that_pieces_give_are_joined_by_voice(dialogue, ear):
    path, spans = dialogue
    heard = [
        Recognised(piece, tuple(word for n in lines for word in words(spans[n], SAID[n][1])), "en",
                   tuple(name for n, name in zip(lines, names, strict=True) for _ in words(spans[n], SAID[n][1])))
        for piece, lines, names in ((0, (0, 1), ("0:A", "0:B")), (1, (2, 3), ("1:B", "1:A")))
    ]  # fmt: skip
    bounds = {0: Span(spans[0].start, spans[1].end), 1: Span(spans[2].start, spans[3].end)}
    document = document_of(heard, bounds, spans, "en", doubtful=False)
    assert document["diarised"]
    written = Transcript.from_dict(document["transcript"])
    assert written.speakers == ("0:A", "0:B", "1:B", "1:A")
    told = told_apart(Kept(), "", written, ear(path), spans, names="by_piece", given=False)  # type: ignore[arg-type]
    assert [line.speaker for line in told.transcript.segments] == ["S1", "S2", "S1", "S2"]


def test_more_names_than_people_speak_are_joined_by_voice(dialogue, ear):
    path, spans = dialogue
    names = [
        name for span, who, (_, text) in zip(spans, "ABCB", SAID, strict=True) for name in who * len(words(span, text))
    ]
    said = tuple(word for span, (_, text) in zip(spans, SAID, strict=True) for word in words(span, text))
    heard = [Recognised(0, said, "en", tuple(f"0:{name}" for name in names))]
    document = document_of(heard, {0: Span(0.0, 60.0)}, spans, "en", doubtful=False)
    written = Transcript.from_dict(document["transcript"])

    def told(count: int | None) -> list[str]:
        kept = Kept(count)
        found = told_apart(kept, "", written, ear(path), spans, names="by_piece", given=False)  # type: ignore[arg-type]
        return [line.speaker for line in found.transcript.segments]

    assert told(None) == told(3) == ["S1", "S2", "S3", "S2"]
    assert told(2) == ["S1", "S2", "S1", "S2"]
