"""Listening to the dub, through the whole pipeline."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.db import transaction
from shared.dubbing import leases
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.models import Artifact, Dub, Job, StageSpeed
from tests.factories import a_job
from tests.fakes import calls
from tests.media import a_clip
from tests.worker.test_pipeline import order, report, run

SOURCE = GivenTranscript((GivenLine("The water is warm.", 0.5, 2.0), GivenLine("We can swim now.", 2.6, 4.0)))
TEXTS = ("The water in the lake is warm.", "We can swim to the island today.")


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("listen") / "talk.mp4")


def listened(engine, settings, talk, wish: bool | None, tmp_path, language: str = "es"):
    held = order(engine, settings, talk, language, source_transcript=SOURCE.to_dict(), options={"listen_back": wish})
    assert run(engine, settings, held).status == "COMPLETED"
    return held, report(engine, settings, held, tmp_path)


def test_the_dub_is_heard_and_compared_where_that_is_asked_for(engine, settings, talk, tmp_path):
    """The fake recogniser always hears the same words: nothing that was said."""
    _, said = listened(engine, settings, talk, True, tmp_path)
    assert said["listening"]["engine"] == "fake/fake-1"
    assert said["listening"]["wer"] >= 0.5
    assert set(said["listening"]["voices"]) == {line["voice"] for line in said["lines"]}
    for line in said["lines"]:
        assert line["heard"].startswith("this is what")
        assert line["wer"] >= 0.5
        assert "unclear" not in line["reasons"], "the whole voice is misheard"
    # 0.2 s of silence before each placed line.
    assert len(calls(settings, "speech_recognition")) == len(said["lines"])
    with transaction(engine) as session:
        assert "listen" in session.scalars(select(StageSpeed.stage)).all()


@pytest.mark.parametrize("wish", [None, False])
def test_a_recogniser_that_may_cost_something_is_not_asked_by_itself(engine, settings, talk, tmp_path, wish):
    _, said = listened(engine, settings, talk, wish, tmp_path)
    assert said["listening"] is None
    assert not any("wer" in line for line in said["lines"])
    assert calls(settings, "speech_recognition") == []


def test_a_language_that_the_recogniser_does_not_read_is_said(engine, settings, talk, tmp_path):
    _, said = listened(engine, settings, talk, True, tmp_path, language="ca")
    assert said["listening"] is None
    assert "not_listened_to" in [warning["code"] for warning in said["warnings"]]


def test_a_recogniser_that_fails_costs_the_dub_nothing(engine, make_settings, talk, tmp_path):
    settings = make_settings(speech_recognition=("fake-always-transient",))
    _, said = listened(engine, settings, talk, True, tmp_path)
    assert said["listening"] is None
    assert "listening_failed" in [warning["code"] for warning in said["warnings"]]


def test_what_was_heard_is_not_recognised_again(engine, settings, talk, tmp_path):
    held, said = listened(engine, settings, talk, True, tmp_path)
    asked = len(calls(settings, "speech_recognition"))
    with transaction(engine) as session:
        video_id = session.get_one(Job, held.job_id).video_id
        assert session.scalars(select(Artifact.stage)).all().count("listen") == 1
    again = a_job(engine, video_id=video_id, source_transcript=SOURCE.to_dict(), options={"listen_back": True})
    with transaction(engine) as session:
        second = leases.claim(session, again, settings)
    run(engine, settings, second)
    assert report(engine, settings, second, tmp_path)["listening"] == said["listening"]
    assert len(calls(settings, "speech_recognition")) == asked


def test_sphinx_understands_what_flite_says(engine, make_settings, talk, tmp_path):
    """Real engines, unasked: recognition offline costs nothing."""
    settings = make_settings(speech_recognition=("pocketsphinx",), speech_synthesis=("flite",))
    held = order(engine, settings, talk, "en", source_language="es", source_transcript=SOURCE.to_dict())
    pairs = zip(TEXTS, SOURCE.lines, strict=True)
    given = GivenTranscript(tuple(GivenLine(text, line.start, line.end) for text, line in pairs))
    with transaction(engine) as session:
        session.scalars(select(Dub).where(Dub.job_id == held.job_id)).one().transcript = given.to_dict()
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert said["listening"]["engine"].startswith("pocketsphinx/")
    assert said["listening"]["wer"] <= 0.35, json.dumps(said["lines"])
    assert [line["reasons"] for line in said["lines"]] == [[], []]
