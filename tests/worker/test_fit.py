"""Lines whose words are too long for their time, through the whole pipeline with fake engines.

The fake voices take 60 ms for a character; the fake translator adds five.
"""

from pathlib import Path

import pytest
from sqlalchemy import select

from shared.db import transaction
from shared.dubbing import leases, paces
from shared.dubbing.paces import Said
from shared.dubbing.transcript import GivenLine, GivenTranscript, Segment, Transcript
from shared.models import Artifact, Job
from tests.factories import a_job
from tests.fakes import PITCH, SECONDS_PER_LETTER, calls
from tests.media import a_clip
from tests.worker.test_pipeline import fetched, order, report, results, run
from worker import work
from worker.stages.paces import budgets

LONG = "We took the boat and then the whole family went swimming in the lake"
LINES = GivenTranscript((GivenLine(LONG, 0.5, 2.0), GivenLine("It was warm.", 2.5, 3.5)))
ROOM = 1.95


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("fit") / "talk.mp4")


def spoken(settings) -> list[str]:
    return [call["work"].partition(": ")[2] for call in calls(settings, "speech_synthesis")]


def translated_as(engine, held, text: str) -> None:
    """The user gives the translation."""
    with transaction(engine) as session:
        given = GivenTranscript((GivenLine(text, 0.5, 2.0), GivenLine("Cálido.", 2.5, 3.5)))
        session.get_one(Job, held.job_id).dubs[0].transcript = given.to_dict()


def test_a_line_that_will_not_fit_is_shortened_before_anybody_speaks_it(engine, settings, talk, tmp_path):
    held = order(engine, settings, talk, source_transcript=LINES.to_dict())
    assert run(engine, settings, held).status == "COMPLETED"
    long, short = report(engine, settings, held, tmp_path)["lines"]
    assert (long["needs_review"], long["reasons"]) == (True, ["shortened"])
    assert (short["needs_review"], short["text"]) == (False, "[es] It was warm.")
    assert f"[es] {LONG}".startswith(long["text"])
    assert long["speed"] <= 1.25 + 0.01
    assert sorted(spoken(settings)) == sorted([long["text"], short["text"]])
    subtitles = fetched(settings, results(engine, held)["dub_subtitles.srt"], tmp_path).read_text()
    assert " ".join(long["text"].split()) in " ".join(subtitles.split())


def test_a_voice_slower_than_foreseen_gets_one_more_round(engine, settings, talk, tmp_path):
    with transaction(engine) as session:
        for voice_id in PITCH:
            paces.learn(session, voice_id, "es", Said(10_000, 250))
    held = order(engine, settings, talk, source_transcript=LINES.to_dict())
    assert run(engine, settings, held).status == "COMPLETED"
    long, _ = report(engine, settings, held, tmp_path)["lines"]
    assert long["reasons"] == ["shortened"]
    assert f"[es] {LONG}" in spoken(settings)
    assert len(long["text"]) * SECONDS_PER_LETTER <= 1.25 * ROOM + SECONDS_PER_LETTER


def test_what_was_decided_is_decided(engine, settings, talk, tmp_path):
    """Another job for the video asks nobody again, whatever has been learned about the voices meanwhile."""
    first = order(engine, settings, talk, source_transcript=LINES.to_dict())
    run(engine, settings, first)
    lines, asked = report(engine, settings, first, tmp_path)["lines"], calls(settings)
    with transaction(engine) as session:
        video_id = session.get_one(Job, first.job_id).video_id
        assert session.scalars(select(Artifact.stage)).all().count("fit.line") == 1
        for voice_id in PITCH:
            paces.learn(session, voice_id, "es", Said(paces.MEMORY, paces.MEMORY / 50))
    job_id = a_job(engine, video_id=video_id, source_transcript=LINES.to_dict())
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    assert run(engine, settings, second).status == "COMPLETED"
    assert report(engine, settings, second, tmp_path)["lines"] == lines
    assert calls(settings) == asked


def test_what_the_user_wrote_is_spoken_as_it_is_and_faster(engine, settings, talk, tmp_path):
    text = "a" * 42  # 2.52 s: 1.29 times its room
    held = order(engine, settings, talk, source_transcript=LINES.to_dict())
    translated_as(engine, held, text)
    assert run(engine, settings, held).status == "COMPLETED"
    long, short = report(engine, settings, held, tmp_path)["lines"]
    assert (long["text"], long["reasons"], long["needs_review"]) == (text, ["spoken_faster"], True)
    assert short["reasons"] == []
    # The speed counts from the voice's default rate, of which the voice itself gave 1.25.
    assert 1.0 < long["speed"] <= 1.4
    assert (long["end"] - long["start"]) * long["speed"] == pytest.approx(42 * SECONDS_PER_LETTER, abs=0.05)
    with transaction(engine) as session:
        said = session.scalars(select(Artifact).where(Artifact.stage == "synthesize.line")).all()
    assert sorted(round(line.facts["seconds"], 1) for line in said) == [0.4, 2.0, 2.5]


def test_every_voice_teaches_its_pace(engine, settings, talk):
    held = order(engine, settings, talk, source_transcript=LINES.to_dict())
    run(engine, settings, held)
    with transaction(engine) as session:
        known = paces.read(session, "es")
    [(voice_id, said)] = known.items()
    assert voice_id in PITCH
    # A trimmed tone keeps all of itself; what it was for counts in letters.
    assert said.characters / said.seconds == pytest.approx(1 / SECONDS_PER_LETTER, rel=0.1)


def test_the_translator_is_told_what_fits(engine, settings, talk):
    """1.25 times the room at the voice's pace; the pace is the usual one while nothing is learned."""
    held = order(engine, settings, talk)
    loaded = work.load(settings, engine, held)
    transcript = Transcript("en", (Segment(0, 0.5, 2.0, "S1", LONG), Segment(1, 2.5, 3.5, "S1", "It was warm.")))
    assert budgets(loaded, "es", transcript, 6.0) == {0: int(1.25 * ROOM * 16), 1: int(1.25 * 3.5 * 16)}
    with transaction(engine) as session:
        paces.learn(session, "fake:high", "es", Said(20_000, 1_000))
    assert budgets(loaded, "es", transcript, 6.0)[0] == pytest.approx(1.25 * ROOM * 20, abs=1)
    assert budgets(loaded, "ca", transcript, 6.0)[0] == int(1.25 * ROOM * 16)


def test_twelve_words_in_a_fifth_of_a_second_are_placed(engine, settings, talk, tmp_path):
    words = "one two three four five six seven eight nine ten eleven twelve"
    lines = GivenTranscript((GivenLine(words, 1.0, 1.2), GivenLine("Yes.", 1.3, 2.0)))
    held = order(engine, settings, talk, source_transcript=lines.to_dict())
    assert run(engine, settings, held).status == "COMPLETED"
    dense, after = report(engine, settings, held, tmp_path)["lines"]
    assert dense["needs_review"]
    assert "shortened" in dense["reasons"]
    assert dense["speed"] <= 1.4
    assert after["start"] >= dense["end"]
