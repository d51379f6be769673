"""The files that a job leaves behind, as asked for: in this process, with fake engines."""

import json
from pathlib import Path
from types import SimpleNamespace

import pysubs2
import pytest
import soundfile
from sqlalchemy import select

from shared.db import transaction
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import PermanentError
from shared.models import Job, Result, StageSpeed
from shared.storage import Storage
from tests.media import a_clip, ffmpeg
from tests.worker.media.sources import frames, packet_hashes
from tests.worker.media.test_mux import banner
from tests.worker.test_languages import SOURCE, another_round, dubs
from tests.worker.test_pipeline import fetched, order, report, results, run
from worker.media.probed import facts_of
from worker.stages.mux import LOST
from worker.stages.slow import _Slowing
from worker.timeline import Slow, Warp


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return a_clip(tmp_path_factory.mktemp("outputs") / "talk.mp4")


def ordered(engine, settings, talk, *languages, **options):
    return order(engine, settings, talk, *languages, source_transcript=SOURCE.to_dict(), options=options)


def sounds(path: Path) -> list[tuple[str | None, bool]]:
    """Language, and whether it is played by default, of each sound."""
    return [(s.language, s.default) for s in facts_of(path).streams if s.kind == "audio"]


def texts(path: Path) -> list[str | None]:
    return [s.language for s in facts_of(path).streams if s.kind == "subtitle"]


def test_all_languages_in_one_file_and_again_with_more_of_them(engine, settings, talk, tmp_path):
    """German fails, which stops neither the others nor the file of all."""
    held = ordered(engine, settings, talk, "de", "es", outputs=["multi_audio_video"])
    assert run(engine, settings, held).status == "COMPLETED"
    made = results(engine, held)
    assert set(made) == {
        "multi_audio_video.mp4", "multi_audio_video_report.json", "transcript.json", "report.json",
        "report_picture.svg",
    }  # fmt: skip
    first = fetched(settings, made["multi_audio_video.mp4"], tmp_path)
    assert packet_hashes(first) == packet_hashes(talk)
    assert sounds(first) == [("eng", True), ("spa", False)]
    assert texts(first) == ["eng", "spa"]

    again = another_round(engine, settings, held, "ca")
    assert run(engine, settings, again).status == "COMPLETED"
    assert dubs(engine, held)["ca"] == ("COMPLETED", None)
    with transaction(engine) as session:
        assert session.scalar(select(StageSpeed.runs).where(StageSpeed.stage == "assemble")) == 2, "a stage like others"
    both = fetched(settings, results(engine, held)["multi_audio_video.mp4"], tmp_path)
    assert sounds(both) == [("eng", True), ("spa", False), ("cat", False)]
    said = json.loads(fetched(settings, results(engine, held)["multi_audio_video_report.json"], tmp_path).read_text())
    assert said == {"languages": ["es", "ca"], "warnings": [], "error": None}
    with transaction(engine) as session:
        rows = session.scalars(select(Result).where(Result.kind == "multi_audio_video")).all()
    assert len([row for row in rows if row.job_id == held.job_id]) == 1
    assert Storage(settings).head(made["multi_audio_video.mp4"].key) is None, "nobody names the first one any more"


def test_stems_are_the_voice_and_the_background(engine, settings, talk, tmp_path):
    held = ordered(engine, settings, talk, outputs=["stems"])
    run(engine, settings, held)
    with transaction(engine) as session:
        rows = session.scalars(select(Result).where(Result.job_id == held.job_id, Result.language == "es")).all()
    assert {row.kind: row.filename for row in rows} == {
        "voice_stem": "talk.es.voice.flac",
        "background_stem": "talk.es.background.flac",
        "report": "talk.es.report.json",
        "report_picture": "talk.es.report.svg",
    }
    for row in rows:
        if row.kind.endswith("_stem"):
            path = fetched(settings, row, tmp_path)
            assert (soundfile.info(path).frames, path.stat().st_size) == (6 * 48_000, row.size_bytes)


def test_the_sound_alone_says_its_language(engine, settings, talk, tmp_path):
    held = ordered(engine, settings, talk, outputs=["audio"])
    run(engine, settings, held)
    assert set(results(engine, held)) == {
        "dubbed_audio.m4a", "transcript.json", "report.json", "report_picture.svg",
    }  # fmt: skip
    assert sounds(fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path)) == [("spa", True)]


def test_drawn_subtitles_are_in_the_picture_and_no_track(engine, settings, talk, tmp_path):
    held = ordered(engine, settings, talk, subtitles="burned_in", outputs=["video_per_language"])
    run(engine, settings, held)
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert texts(dubbed) == []
    before, after = frames(talk), frames(dubbed)
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.001)
    first = report(engine, settings, held, tmp_path)["lines"][0]
    changed = {round(time, 2): abs(light - was) for (time, light), (_, was) in zip(after, before, strict=True)}
    shown = [more for time, more in changed.items() if first["start"] + 0.1 < time < first["end"] - 0.1]
    plain = [more for time, more in changed.items() if time < first["start"] - 0.1]
    assert min(shown) > 2 * max(plain)


def test_what_no_font_has_is_a_track_and_said(engine, settings, talk, tmp_path):
    """Letters of Linear B stand for a script that has no font here."""
    odd = GivenTranscript((GivenLine("\U00010000\U00010001 two words", 0.5, 2.2, "Ana"),))
    held = order(engine, settings, talk, source_transcript=odd.to_dict(), options={"subtitles": "burned_in"})
    run(engine, settings, held)
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert texts(dubbed) == ["spa", "eng"]
    assert packet_hashes(dubbed) == packet_hashes(talk)
    assert "font_missing" in [warning["code"] for warning in report(engine, settings, held, tmp_path)["warnings"]]


def test_bilingual_subtitles_have_both_texts(engine, settings, talk, tmp_path):
    held = ordered(engine, settings, talk, bilingual=True)
    run(engine, settings, held)
    cues = pysubs2.load(str(fetched(settings, results(engine, held)["bilingual_subtitles.srt"], tmp_path)))
    assert [cue.plaintext.split("\n") for cue in cues] == [
        ["[es] The water is warm.", "The water is warm."],
        ["[es] We can swim.", "We can swim."],
    ]
    assert texts(fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)) == ["spa", "eng", "spa"]


def test_both_subtitles_stay_where_the_translation_is_in_the_source_s_language(engine, settings, talk, tmp_path):
    held = order(engine, settings, talk, "en", source_language=None)
    with transaction(engine) as session:
        given = GivenTranscript((GivenLine("Something else.", 1.0, 3.0),))
        session.get_one(Job, held.job_id).dubs[0].transcript = given.to_dict()
    assert run(engine, settings, held).status == "COMPLETED"
    made = results(engine, held)
    assert made["dub_subtitles.srt"].filename != made["source_subtitles.srt"].filename
    assert texts(fetched(settings, made["dubbed_video.mp4"], tmp_path)) == ["eng", "eng"]


@pytest.fixture(scope="session")
def bilingual_talk(talk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tone in French, played by default; the talk in English; silence that says nothing of a language."""
    path = tmp_path_factory.mktemp("tracks") / "tracks.mp4"
    tone, silence = ("-f", "lavfi", "-i", "sine=d=6"), ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=mono:d=6")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "0:a", "-map", "2:a", "-c:v", "copy", "-disposition:a:0", "default")
    tags = ("-metadata:s:a:0", "language=fra", "-metadata:s:a:1", "language=eng", "-disposition:a:1", "0")
    ffmpeg("-i", talk, *tone, *silence, *maps, *tags, "-disposition:a:2", "0", path)
    return path


@pytest.mark.parametrize(
    ("language", "track", "first"),
    [
        ("en", None, "eng"),
        ("en", 1, "eng"),
        pytest.param("es", None, "spa", marks=pytest.mark.long),
        pytest.param("en", 3, "eng", marks=pytest.mark.long),
    ],
)
def test_the_sound_that_is_dubbed_is_the_one_asked_for_or_in_the_language(
    engine, settings, bilingual_talk, tmp_path, language, track, first
):
    """Of the tone, the talk and the silence, only the talk has speech; the original that was dubbed comes second."""
    options = {"audio_track": track, "subtitles": "none"}
    target = "es" if language == "en" else "en"
    held = order(engine, settings, bilingual_talk, target, source_language=language, options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    lines = report(engine, settings, held, tmp_path)["lines"]
    assert bool(lines) == (language == "en" and track is None)
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert [language for language, _ in sounds(dubbed)][1] == first


def test_a_part_of_a_file_with_several_sounds(engine, settings, bilingual_talk, tmp_path):
    options = {"audio_track": 2, "range": {"start": 0.0, "end": 5.0}}
    held = order(engine, settings, bilingual_talk, options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    assert report(engine, settings, held, tmp_path)["lines"]
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    codecs = [stream.codec for stream in facts_of(dubbed).streams if stream.kind == "audio"]
    assert codecs == ["aac"] * 4, "the stretch has FLAC, which few players read from an mp4"


def test_a_sound_that_is_not_there_is_refused(engine, settings, talk):
    held = ordered(engine, settings, talk, audio_track=2)
    with pytest.raises(PermanentError) as caught:
        run(engine, settings, held)
    assert caught.value.code == "no_such_audio_track"


CROWDED = GivenTranscript(
    (
        GivenLine("Ten words are what is said here, in a breath.", 0.7, 2.0, "Ana"),
        GivenLine("And then a few more words.", 2.2, 3.2, "Ana"),
        GivenLine("That is all of it.", 4.0, 5.0, "Ana"),
    )
)


def crowded(engine, settings, path, **options):
    """A job whose translation is given, so that nobody shortens it."""
    held = order(engine, settings, path, source_transcript=CROWDED.to_dict(), options=options)
    with transaction(engine) as session:
        session.get_one(Job, held.job_id).dubs[0].transcript = CROWDED.to_dict()
    return held


def test_the_picture_gives_way_where_that_is_asked_for(engine, settings, talk, tmp_path):
    held = crowded(engine, settings, talk, fit="video")
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert said["fit"]["mode"] == "video"
    assert said["fit"]["slowed"][0]["start"] < 1.0
    assert all(1 < slow["ratio"] <= 1.25 for slow in said["fit"]["slowed"])
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    lasts = 6.0 + said["fit"]["added_seconds"]
    assert lasts > 6.2
    assert said["source"]["duration"] == pytest.approx(lasts, abs=0.001)
    assert facts_of(dubbed).duration_seconds == pytest.approx(lasts, abs=0.04)
    assert packet_hashes(dubbed) == packet_hashes(talk), "the same pictures, shown for longer"
    clock = Warp(6.0, tuple(Slow(**slow) for slow in said["fit"]["slowed"]))
    last = said["lines"][-1]
    source = fetched(settings, results(engine, held)["source_subtitles.srt"], tmp_path)
    assert pysubs2.load(str(source))[-1].start / 1000 == pytest.approx(last["source_start"], abs=0.01)
    ordinary = crowded(engine, settings, talk)
    run(engine, settings, ordinary)
    faster = report(engine, settings, ordinary, tmp_path)
    assert last["source_start"] == pytest.approx(clock.at([faster["lines"][-1]["source_start"]])[0], abs=0.001)
    hurry, less = faster["measures"], said["measures"]
    assert less["speed"]["max"] + less["onset_drift"]["max"] < hurry["speed"]["max"] + hurry["onset_drift"]["max"]
    assert faster["fit"] == {"mode": "audio", "added_seconds": 0.0, "slowed": []}


# 5.1, the same in stereo, and a sound without a single packet.
SURROUND = (
    "-map", "0", "-map", "0:a", "-map", "0:a", "-c:v", "copy", "-c:a:0", "ac3", "-ac:a:0", "6", "-c:a:1", "flac",
    "-c:a:2", "copy", "-bsf:a:2", "noise=drop=1",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("surround.mkv", SURROUND),
        pytest.param("talk.ts", ("-c", "copy"), marks=pytest.mark.long),
        pytest.param("talk.avi", ("-c:v", "mpeg4", "-c:a", "mp3"), marks=pytest.mark.long),
    ],
)
def test_the_picture_gives_way_in_whatever_file(engine, settings, talk, tmp_path, name, how):
    ffmpeg("-i", talk, *how, tmp_path / name)
    media = facts_of(tmp_path / name)
    held = crowded(engine, settings, tmp_path / name, fit="video")
    assert run(engine, settings, held).status == "COMPLETED"
    added = report(engine, settings, held, tmp_path)["fit"]["added_seconds"]
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert added > 0.2
    assert facts_of(dubbed).duration_seconds == pytest.approx(media.duration_seconds + added, abs=0.06)
    before, after = frames(tmp_path / name), frames(dubbed)
    assert len(after) == len(before)
    assert after[-1][0] - after[0][0] == pytest.approx(before[-1][0] - before[0][0] + added, abs=0.06)
    told = [stream.channels for stream in facts_of(dubbed).streams if stream.kind == "audio"]
    assert told[:2] == [media.audio.channels] * 2
    assert told[2:] == ([2] if name == "surround.mkv" else []), "what has no packets has no place in an mp4"


def test_a_damaged_second_sound_stops_no_slowed_language(engine, settings, talk, tmp_path):
    broken = ("-map", "0", "-map", "0:a", "-c", "copy", "-bsf:a:1", "noise=amount='if(gt(n,140),1,0)'")
    ffmpeg("-i", talk, *broken, tmp_path / "broken.mkv")
    held = crowded(engine, settings, tmp_path / "broken.mkv", fit="video")
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    assert said["fit"]["added_seconds"] > 0.2
    assert [w["message"] for w in said["warnings"] if "Stream 2" in w["message"]] == [LOST.format(index=2)]
    assert len(sounds(fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path))) == 2


def test_a_sound_that_cannot_be_slowed_leaves_nothing_on_the_disk(talk, tmp_path, monkeypatch):
    """Of a long file what is left would be gigabytes until the job's end."""

    def breaks(_self, decoded, _out):
        assert decoded.stat().st_size > 0
        raise PermanentError("media_unreadable", "Damaged.")

    monkeypatch.setattr(_Slowing, "_slowed", breaks)
    facts = facts_of(talk)
    assert facts.audio
    sound = SimpleNamespace(source=SimpleNamespace(seconds=facts.duration_seconds))
    build = _Slowing(None, Warp(facts.duration_seconds), None)._other(sound, facts.audio)  # type: ignore[arg-type]
    with pytest.raises(PermanentError):
        build(talk, tmp_path / "track.m4a")
    assert not list(tmp_path.iterdir())


def test_sound_alone_as_a_file_of_its_own(engine, settings, talk, tmp_path):
    """What `video_per_language` is for a file without a picture: the dub, the original and the subtitles in an .m4a."""
    ffmpeg("-i", talk, "-vn", "-c", "copy", tmp_path / "talk.m4a")
    held = ordered(engine, settings, tmp_path / "talk.m4a", outputs=["video_per_language"])
    assert run(engine, settings, held).status == "COMPLETED"
    dubbed = fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path)
    assert (sounds(dubbed), texts(dubbed)) == ([("spa", True), ("eng", False)], ["spa", "eng"])


def test_nothing_gives_way_that_need_not(engine, settings, talk, tmp_path):
    held = ordered(engine, settings, talk, fit="video")
    run(engine, settings, held)
    said = report(engine, settings, held, tmp_path)
    assert said["fit"]["slowed"] == []
    assert facts_of(fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)).duration_seconds == (
        pytest.approx(6.0, abs=0.04)
    )


def test_subtitles_drawn_into_a_slowed_picture(engine, settings, talk, tmp_path):
    held = crowded(engine, settings, talk, fit="video", subtitles="burned_in")
    assert run(engine, settings, held).status == "COMPLETED"
    lasts = 6.0 + report(engine, settings, held, tmp_path)["fit"]["added_seconds"]
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert len(frames(dubbed)) == len(frames(talk))
    assert facts_of(dubbed).duration_seconds == pytest.approx(lasts, abs=0.05)


def test_a_slowed_file_keeps_its_other_sounds_and_chapters_in_time(engine, settings, talk, tmp_path):
    chapters = "".join(f"[CHAPTER]\nTIMEBASE=1/1\nSTART={n}\nEND={n + 3}\ntitle=part{n}\n" for n in (0, 3))
    (tmp_path / "meta.txt").write_text(f";FFMETADATA1\n{chapters}")
    rich = tmp_path / "rich.mp4"
    inputs = ("-i", talk, "-i", tmp_path / "meta.txt")
    ffmpeg(*inputs, "-map", "0", "-map", "0:a", "-map_metadata", "1", "-c", "copy", rich)
    held = crowded(engine, settings, rich, fit="video")
    assert run(engine, settings, held).status == "COMPLETED"
    said = report(engine, settings, held, tmp_path)
    dubbed = fetched(settings, results(engine, held)["dubbed_video.mp4"], tmp_path)
    assert len(sounds(dubbed)) == 3
    assert [warning["code"] for warning in said["warnings"]].count("stream_changed") == 2
    clock = Warp(6.0, tuple(Slow(**slow) for slow in said["fit"]["slowed"]))
    line = next(line for line in banner(dubbed).splitlines() if "Chapter #0:1" in line)
    assert float(line.split("start ")[1].split(",")[0]) == pytest.approx(clock.at([3.0])[0], abs=0.002)
