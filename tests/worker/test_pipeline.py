"""The pipeline in this process, over real media, the real database and S3, with fake engines."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import leases
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import PermanentError, TransientError
from shared.models import Artifact, Job, Result, new_id
from shared.storage import Storage, original_key
from tests.factories import a_job, a_video
from tests.fakes import calls
from tests.media import a_clip, ffmpeg, speech
from worker import pipeline, work


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("talk") / "talk.mp4")


def order(engine, settings: Settings, path: Path, *languages: str, seconds: float = 6.0, **values):
    """A claimed job for the file at `path`."""
    video_id, storage = new_id(), Storage(settings)
    storage.upload(path, original_key(video_id), "video/mp4")
    stored = storage.head(original_key(video_id))
    assert stored is not None
    a_video(
        engine,
        video_id=video_id,
        etag=stored.etag,
        size_bytes=stored.size_bytes,
        duration_seconds=seconds,
        filename=path.name,
    )
    job_id = a_job(engine, *languages, video_id=video_id, **values)
    with transaction(engine) as session:
        held = leases.claim(session, job_id, settings)
    assert held is not None
    return held


def run(engine, settings, held):
    pipeline.run(work.load(settings, engine, held))
    with transaction(engine) as session:
        return session.get_one(Job, held.job_id)


def another(engine, settings: Settings, held):
    """A claimed job for the same video that asks for the same."""
    with transaction(engine) as session:
        job = session.get_one(Job, held.job_id)
        languages = [dub.language for dub in job.dubs]
        values = {"source_transcript": job.source_transcript, "options": job.options, "video_id": job.video_id}
    job_id = a_job(engine, *languages, **values)
    with transaction(engine) as session:
        again = leases.claim(session, job_id, settings)
    assert again is not None
    return again


def results(engine, held) -> dict[str, Result]:
    with transaction(engine) as session:
        rows = session.scalars(select(Result).where(Result.job_id == held.job_id)).all()
    return {f"{row.kind}{Path(row.filename).suffix}": row for row in rows}


def fetched(settings, result: Result, tmp_path: Path) -> Path:
    path = tmp_path / result.filename
    Storage(settings).download(result.key, path)
    return path


def report(engine, settings, held, tmp_path) -> dict:
    return json.loads(fetched(settings, results(engine, held)["report.json"], tmp_path).read_text())


def test_a_dub_leaves_every_kind_of_result(engine, settings, talk, tmp_path):
    held = order(engine, settings, talk)
    job = run(engine, settings, held)
    assert (job.status, job.progress, job.dubs[0].status) == ("COMPLETED", 1.0, "COMPLETED")
    assert set(results(engine, held)) == {
        "dubbed_video.mp4", "dubbed_audio.m4a", "dub_subtitles.srt", "dub_subtitles.vtt", "source_subtitles.srt",
        "source_subtitles.vtt", "transcript.json", "report.json", "report_picture.svg",
    }  # fmt: skip
    for result in results(engine, held).values():
        stored = Storage(settings).head(result.key)
        assert stored is not None
        assert stored.size_bytes == result.size_bytes > 0
        assert result.key.startswith(f"results/{held.job_id}/")
    measures = report(engine, settings, held, tmp_path)["measures"]
    assert (measures["overlap_within_speaker"], measures["speech_lost"]) == (0.0, 0.0)
    assert measures["speed"]["max"] <= 1.4
    assert measures["mix"]["true_peak_dbtp"] <= -1.0
    assert abs(measures["mix"]["dub_dialogue_lufs"] - measures["mix"]["target_lufs"]) <= 1.0


def test_a_second_job_for_the_video_runs_no_stage_again(engine, settings, talk):
    first = order(engine, settings, talk)
    run(engine, settings, first)
    with transaction(engine) as session:
        video_id = session.get_one(Job, first.job_id).video_id
        made = set(session.scalars(select(Artifact.fingerprint)))
    asked = len(calls(settings))
    job_id = a_job(engine, video_id=video_id)
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    assert run(engine, settings, second).status == "COMPLETED"
    with transaction(engine) as session:
        assert set(session.scalars(select(Artifact.fingerprint))) == made
    assert len(calls(settings)) == asked


def test_one_language_failing_stops_no_other(engine, settings, talk):
    """The fake engines have no pair for German."""
    held = order(engine, settings, talk, "de", "es")
    job = run(engine, settings, held)
    assert job.status == "COMPLETED"
    assert [(dub.language, dub.status) for dub in job.dubs] == [("de", "FAILED"), ("es", "COMPLETED")]
    assert job.dubs[0].error_code
    assert job.error_code is None


def test_silence_completes_with_its_original_sound_and_says_so(engine, settings, tmp_path):
    clip = tmp_path / "silence.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64:rate=25:duration=3",
           "-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo",
           "-t", "3", "-c:v", "libx264", "-c:a", "aac", clip)  # fmt: skip
    held = order(engine, settings, clip, seconds=3.0)
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert [warning["code"] for warning in said["warnings"]] == ["no_speech_found"]
    assert said["lines"] == []


def test_music_without_a_voice_keeps_its_sound(engine, settings, tmp_path):
    clip = tmp_path / "music.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=330:duration=4", "-af", "tremolo=f=2,volume=0.5", "-ar", "48000", clip)
    held = order(engine, settings, clip, seconds=4.0)
    assert run(engine, settings, held).status == "COMPLETED"
    from worker.media.ffmpeg import file_loudness

    dubbed = fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path)
    assert file_loudness(dubbed).integrated_lufs == pytest.approx(file_loudness(clip).integrated_lufs, abs=0.5)


def test_audio_only_gives_audio_only(engine, settings, tmp_path):
    held = order(engine, settings, speech(tmp_path / "voice.wav"), seconds=5.0)
    with transaction(engine) as session:
        job = session.get_one(Job, held.job_id)
        import soundfile

        from shared.models import Video

        session.get_one(Video, job.video_id).duration_seconds = soundfile.info(tmp_path / "voice.wav").duration
    assert run(engine, settings, held).status == "COMPLETED"
    kinds = set(results(engine, held))
    assert "dubbed_audio.m4a" in kinds
    assert not any(kind.startswith("dubbed_video") for kind in kinds)


def test_a_given_transcript_with_times_is_used_as_it_is(engine, settings, talk, tmp_path):
    lines = (GivenLine("Hello there.", 0.5, 2.0, "Ana"), GivenLine("Hi.", 3.0, 4.0, "Ben"))
    held = order(engine, settings, talk, source_transcript=GivenTranscript(lines).to_dict())
    run(engine, settings, held)
    said = report(engine, settings, held, tmp_path)
    assert [line["source_text"] for line in said["lines"]] == ["Hello there.", "Hi."]
    assert len({line["voice"] for line in said["lines"]}) == 2, "each speaker has a voice of their own"
    assert calls(settings, "speech_recognition") == []


def test_a_given_transcript_without_times_is_aligned(engine, settings, talk, tmp_path):
    lines = (GivenLine("The water in the lake is warm today."), GivenLine("We can swim to the island."))
    held = order(engine, settings, talk, source_transcript=GivenTranscript(lines).to_dict())
    run(engine, settings, held)
    starts = [line["source_start"] for line in report(engine, settings, held, tmp_path)["lines"]]
    assert starts == sorted(starts)
    assert len(calls(settings, "forced_alignment")) == 1


def test_a_line_that_can_never_fit_fails_the_language_with_its_code(engine, settings, talk):
    """What the user wrote is never shortened."""
    endless = GivenTranscript((GivenLine("word " * 200, 0.5, 2.0),))
    held = order(engine, settings, talk, source_transcript=endless.to_dict())
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[0].transcript = endless.to_dict()
    job = run(engine, settings, held)
    assert (job.status, job.error_code) == ("FAILED", "translation_too_long")


def test_longer_than_declared_is_refused(engine, settings, talk):
    held = order(engine, settings, talk, seconds=3.0)
    with pytest.raises(PermanentError) as caught:
        run(engine, settings, held)
    assert caught.value.code == "duration_mismatch"


def test_an_original_that_changed_is_refused(engine, settings, talk):
    held = order(engine, settings, talk)
    with transaction(engine) as session:
        video_id = session.get_one(Job, held.job_id).video_id
    Storage(settings).put(original_key(video_id), b"something else", "video/mp4")
    with pytest.raises(PermanentError) as caught:
        run(engine, settings, held)
    assert caught.value.code == "original_changed"


def test_an_artifact_that_the_bucket_lost_is_made_again(engine, settings, talk):
    first = order(engine, settings, talk)
    run(engine, settings, first)
    with transaction(engine) as session:
        video_id = session.get_one(Job, first.job_id).video_id
        lost = session.scalars(select(Artifact).where(Artifact.stage == "transcribe.voice_activity")).one()
    Storage(settings).delete_prefix(lost.key)
    job_id = a_job(engine, video_id=video_id)
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    with pytest.raises(TransientError) as caught:
        run(engine, settings, second)
    assert caught.value.code == "artifact_missing"
    assert run(engine, settings, second).status == "COMPLETED"


def test_all_that_the_bucket_lost_is_forgotten_at_once(engine, settings, talk):
    """Finished media are copied, not read: what is gone is noticed there too, and costs one attempt in all."""
    first = order(engine, settings, talk)
    run(engine, settings, first)
    with transaction(engine) as session:
        video_id = session.get_one(Job, first.job_id).video_id
        gone = session.scalars(select(Artifact).where(Artifact.stage.in_(["mux", "mix", "align"]))).all()
    for artifact in gone:
        Storage(settings).delete_prefix(artifact.key)
    job_id = a_job(engine, video_id=video_id)
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    with pytest.raises(TransientError):
        run(engine, settings, second)
    assert run(engine, settings, second).status == "COMPLETED"


def test_trouble_in_one_language_comes_after_the_others(engine, settings, talk):
    """The bucket lost the first language's file: the second is ready before the job is tried again."""
    first = order(engine, settings, talk, "es")
    run(engine, settings, first)
    with transaction(engine) as session:
        video_id = session.get_one(Job, first.job_id).video_id
        lost = session.scalars(select(Artifact).where(Artifact.stage == "mux")).one()
    Storage(settings).delete_prefix(lost.key)
    job_id = a_job(engine, "es", "ca", video_id=video_id)
    with transaction(engine) as session:
        second = leases.claim(session, job_id, settings)
    with pytest.raises(TransientError):
        run(engine, settings, second)
    with transaction(engine) as session:
        assert [dub.status for dub in session.get_one(Job, job_id).dubs] == ["PROCESSING", "COMPLETED"]
    assert run(engine, settings, second).status == "COMPLETED"


def test_what_belongs_to_the_source_is_there_once(engine, settings, talk):
    held = order(engine, settings, talk, "es", "ca")
    assert run(engine, settings, held).status == "COMPLETED"
    with transaction(engine) as session:
        rows = session.scalars(select(Result).where(Result.job_id == held.job_id)).all()
    assert sorted(row.kind for row in rows if row.language is None) == [
        "source_subtitles", "source_subtitles", "transcript",
    ]  # fmt: skip
    assert len({row.filename for row in rows}) == len(rows) == 3 + 2 * 6
