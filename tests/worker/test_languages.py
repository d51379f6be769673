"""Several languages side by side, rounds, given translations, excerpts, speeds: in this process, with fake engines."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from sqlalchemy import func, select, update

from shared.db import transaction
from shared.dubbing import leases, rounds
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import LeaseLostError, PermanentError, TransientError
from shared.models import Artifact, Job, Result, StageSpeed, new_id
from shared.storage import Storage
from tests.fakes import calls
from tests.media import a_clip, ffmpeg
from tests.processes import until
from tests.worker.test_pipeline import fetched, order, report, results, run
from worker import pipeline, scratch, work
from worker.media.probed import facts_of

SOURCE = GivenTranscript((GivenLine("The water is warm.", 0.5, 2.2, "Ana"), GivenLine("We can swim.", 2.6, 4.0, "Ben")))


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("languages") / "talk.mp4")


@pytest.fixture(scope="session")
def late_talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute of tone, then the talk; 40 seconds."""
    folder = tmp_path_factory.mktemp("late")
    clip, late = a_clip(folder / "clip.mp4"), folder / "late.mp4"
    ffmpeg("-i", clip, "-vf", "tpad=start_duration=32:stop_duration=2", "-af",
           "adelay=32000:all=1,apad=whole_dur=40", "-t", "40", "-c:v", "libx264", "-preset", "ultrafast",
           late)  # fmt: skip
    return late


def in_three(settings, engine, held):
    """The job's work, with three lanes whatever the machine has."""
    return replace(work.load(settings, engine, held), lanes=3)


def dubs(engine, held) -> dict[str, tuple[str, str | None]]:
    with transaction(engine) as session:
        return {dub.language: (dub.status, dub.error_code) for dub in session.get_one(Job, held.job_id).dubs}


def another_round(engine, settings, held, *languages: str):
    """The job goes on with more languages, on a worker that has nothing on its disk."""
    scratch_dir = scratch.directory(settings, held.lease_token)
    [path.unlink() for path in scratch_dir.iterdir()]
    with transaction(engine) as session:
        job = session.get_one(Job, held.job_id)
        rounds.add(session, job, [rounds.NewDub(language) for language in languages])
        assert rounds.reopen(session, job)
    with transaction(engine) as session:
        again = leases.claim(session, held.job_id, settings)
    assert again is not None
    return again


def test_three_at_once_are_all_ready_and_none_is_made_twice(engine, settings, talk):
    held = order(engine, settings, talk, "es", "ca", "fr")
    pipeline.run(in_three(settings, engine, held))
    assert dubs(engine, held) == dict.fromkeys(("es", "ca", "fr"), ("COMPLETED", None))
    with transaction(engine) as session:
        kinds = session.scalars(select(Result.kind).where(Result.job_id == held.job_id)).all()
        stages = session.scalars(select(Artifact.stage)).all()
    assert kinds.count("dubbed_video") == kinds.count("report") == 3
    assert kinds.count("transcript") == 1
    assert stages.count("mux") == 3
    assert stages.count("extract") == stages.count("transcribe.voice_activity") == 1


def test_in_silence_languages_share_their_sound(engine, settings, tmp_path):
    """Nothing is spoken, so all have the same track and mix: whoever is ready first may not take them away."""
    clip = tmp_path / "silence.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=3",
           "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "3", "-c:v", "libx264", "-c:a", "aac",
           clip)  # fmt: skip
    held = order(engine, settings, clip, "es", "ca", "fr", seconds=3.0)
    pipeline.run(in_three(settings, engine, held))
    assert {status for status, _ in dubs(engine, held).values()} == {"COMPLETED"}


def test_trouble_of_one_lets_the_others_finish(engine, make_settings, talk):
    """The translator never answers; the language whose translation was given needs none."""
    settings = make_settings(translation=("fake-always-transient",))
    given = GivenTranscript((GivenLine("El agua.", 0.5, 2.0),))
    held = order(engine, settings, talk, "es", "ca", source_transcript=SOURCE.to_dict())
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[1].transcript = given.to_dict()
    with pytest.raises(TransientError) as caught:
        run(engine, settings, held)
    assert caught.value.code == "provider_unavailable"
    assert dubs(engine, held)["ca"] == ("COMPLETED", None)
    assert dubs(engine, held)["es"] == ("PROCESSING", None)


def test_a_lost_lease_stops_them_all(engine, make_settings, talk):
    """Taken away while the first lines are spoken: no language goes on to its end."""
    settings = make_settings(speech_synthesis=("fake-slow",))
    held = order(engine, settings, talk, "es", "ca", "fr")
    loaded = in_three(settings, engine, held)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(pipeline.run, loaded)
        until(lambda: len(calls(settings, "speech_synthesis")) >= 3, 30, "the first lines")
        with transaction(engine) as session:
            session.execute(update(Job).where(Job.job_id == held.job_id).values(lease_token=new_id()))
        with pytest.raises(LeaseLostError):
            running.result(20)
    assert {status for status, _ in dubs(engine, held).values()} == {"PROCESSING"}
    with transaction(engine) as session:
        assert session.scalars(select(Artifact).where(Artifact.stage == "align")).all() == []


def test_another_language_makes_only_what_is_its_own(engine, settings, talk):
    held = order(engine, settings, talk, "es")
    run(engine, settings, held)
    asked = calls(settings)
    again = another_round(engine, settings, held, "ca")
    loaded = work.load(settings, engine, again)
    pipeline.run(loaded)
    assert dubs(engine, held) == {"es": ("COMPLETED", None), "ca": ("COMPLETED", None)}
    new = calls(settings)[len(asked) :]
    assert {call["slot"] for call in new} == {"translation", "speech_synthesis"}
    assert not any("[es]" in call["work"] for call in new)


def test_a_round_of_what_is_all_there_fetches_no_media(engine, settings, talk):
    """The first language again in another job: its files are copied within the bucket."""
    held = order(engine, settings, talk, "es")
    run(engine, settings, held)
    again = another_round(engine, settings, held)
    with transaction(engine) as session:
        dub = session.get_one(Job, held.job_id).dubs[0]
        dub.status, dub.round = "PENDING", 2
    loaded = work.load(settings, engine, again)
    pipeline.run(loaded)
    fetched_files = {path.suffix for path in loaded.scratch.iterdir()}
    assert fetched_files <= {".json", ".npy"}  # documents, and what was measured of the source (0.1 MB an hour)
    assert dubs(engine, held)["es"] == ("COMPLETED", None)


def test_a_given_translation_with_times_is_what_is_spoken(engine, settings, talk, tmp_path):
    given = GivenTranscript((GivenLine("Hola a todos.", 1.0, 3.8, "Eva"),))
    held = order(engine, settings, talk, "es", source_transcript=SOURCE.to_dict())
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[0].transcript = given.to_dict()
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert calls(settings, "translation") == []
    assert said["engines"]["translation"] == "given"
    assert [(line["text"], line["speaker"]) for line in said["lines"]] == [("Hola a todos.", "Eva")]
    assert said["lines"][0]["source_text"] == "The water is warm. We can swim."
    subtitles = fetched(settings, results(engine, held)["source_subtitles.srt"], tmp_path).read_text()
    assert "The water is warm." in subtitles


def test_a_given_translation_without_times_goes_line_by_line(engine, settings, talk, tmp_path):
    given = GivenTranscript((GivenLine("El agua está tibia."), GivenLine("Podemos nadar.")))
    held = order(engine, settings, talk, "es", source_transcript=SOURCE.to_dict())
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[0].transcript = given.to_dict()
    run(engine, settings, held)
    lines = report(engine, settings, held, tmp_path)["lines"]
    assert [line["text"] for line in lines] == ["El agua está tibia.", "Podemos nadar."]
    assert [line["speaker"] for line in lines] == ["Ana", "Ben"]


def test_a_given_translation_of_another_length_fails_its_language_alone(engine, settings, talk):
    given = GivenTranscript((GivenLine("Una sola línea."),))
    held = order(engine, settings, talk, "es", "ca", source_transcript=SOURCE.to_dict())
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[0].transcript = given.to_dict()
    run(engine, settings, held)
    assert dubs(engine, held) == {"es": ("FAILED", "target_transcript_mismatch"), "ca": ("COMPLETED", None)}


@pytest.mark.parametrize(("wish", "tracks", "files"), [("embedded", 2, 4), ("files", 0, 4), ("none", 0, 0)])
def test_subtitles_are_where_they_are_wanted(engine, settings, talk, tmp_path, wish, tracks, files):
    held = order(engine, settings, talk, source_transcript=SOURCE.to_dict(), options={"subtitles": wish})
    run(engine, settings, held)
    made = results(engine, held)
    dubbed = facts_of(fetched(settings, made["dubbed_video.mp4"], tmp_path))
    assert sum(stream.kind == "subtitle" for stream in dubbed.streams) == tracks
    assert sum("subtitles" in kind for kind in made) == files


def test_a_range_is_dubbed_as_if_it_were_all(engine, settings, talk, tmp_path):
    options = {"range": {"start": 2.4, "end": 99.0}}
    held = order(engine, settings, talk, source_transcript=SOURCE.to_dict(), options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert said["source"]["excerpt"] == {"start": 2.4, "end": 6.0}
    assert said["source"]["duration"] == pytest.approx(3.6)
    assert [line["source_text"] for line in said["lines"]] == ["We can swim."]
    assert said["lines"][0]["source_start"] == pytest.approx(0.2, abs=0.5)
    dubbed = facts_of(fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path))
    assert dubbed.duration_seconds == pytest.approx(3.6, abs=0.04)


def test_a_range_of_a_transcript_without_times_is_refused(engine, settings, talk):
    untimed = GivenTranscript((GivenLine("The water is warm."),))
    options = {"range": {"start": 1.0, "end": 4.0}}
    held = order(engine, settings, talk, source_transcript=untimed.to_dict(), options=options)
    with pytest.raises(PermanentError) as caught:
        run(engine, settings, held)
    assert caught.value.code == "excerpt_needs_times"


def test_a_preview_begins_a_second_before_the_first_voice(engine, settings, late_talk, tmp_path):
    held = order(engine, settings, late_talk, seconds=40.0, options={"preview": True})
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert said["source"]["excerpt"]["start"] == pytest.approx(31.5, abs=0.4)
    assert said["source"]["excerpt"]["end"] == pytest.approx(40.0, abs=0.05)
    audio = soundfile.info(_flac(engine, settings, held, tmp_path))
    assert audio.duration == pytest.approx(said["source"]["duration"], abs=0.001)


def test_a_preview_of_a_short_talk_is_all_of_it(engine, settings, talk, tmp_path):
    held = order(engine, settings, talk, options={"preview": True})
    run(engine, settings, held)
    said = report(engine, settings, held, tmp_path)
    assert said["source"]["excerpt"] == {"start": 0.0, "end": 6.0}
    with transaction(engine) as session:
        assert session.scalars(select(Artifact).where(Artifact.stage == "excerpt")).all() == []


def test_speeds_are_learned_and_give_the_next_job_an_end(engine, settings, talk):
    held = order(engine, settings, talk, source_transcript=SOURCE.to_dict())
    run(engine, settings, held)
    with transaction(engine) as session:
        learned = {row.stage: row.engine for row in session.scalars(select(StageSpeed))}
        assert session.get_one(Job, held.job_id).estimated_end_at is None
    assert learned["transcribe"] == "given"
    assert learned["synthesize"] == "fake/fake-1"
    assert set(learned) >= {"fetch", "extract", "mix", "mux", "publish"}
    second = order(engine, settings, talk, source_transcript=SOURCE.to_dict())
    loaded = work.load(settings, engine, second)
    with loaded.progress.stage("extract"):
        pass
    with transaction(engine) as session:
        left = session.scalar(select(func.extract("epoch", Job.estimated_end_at - func.now())).where(
            Job.job_id == second.job_id))  # fmt: skip
    assert 0 < left < 120


def test_what_checkpoints_served_teaches_nothing(engine, settings, talk):
    held = order(engine, settings, talk, "es", source_transcript=SOURCE.to_dict())
    run(engine, settings, held)
    with transaction(engine) as session:
        first = {row.stage: row.runs for row in session.scalars(select(StageSpeed))}
    again = another_round(engine, settings, held, "ca")
    pipeline.run(work.load(settings, engine, again))
    with transaction(engine) as session:
        second = {row.stage: row.runs for row in session.scalars(select(StageSpeed))}
    assert {stage: second[stage] - first[stage] for stage in ("extract", "transcribe", "synthesize", "mix")} == {
        "extract": 0, "transcribe": 0, "synthesize": 1, "mix": 1,
    }  # fmt: skip


def _flac(engine, settings, held, tmp_path) -> Path:
    with transaction(engine) as session:
        video_id = session.get_one(Job, held.job_id).video_id
        key = session.scalars(
            select(Artifact.key).where(Artifact.stage == "extract", Artifact.video_id == video_id)
        ).one()
    Storage(settings).download(key, tmp_path / "sound.flac")
    return tmp_path / "sound.flac"
