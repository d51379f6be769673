"""Files as they come: each through the whole pipeline, with fake engines, to a dub in time with its picture."""

from pathlib import Path

import pytest

from tests.media import ffmpeg, speech
from tests.worker.media.sources import click_times, decoded, packet_hashes, write_clicks
from tests.worker.test_languages import SOURCE
from tests.worker.test_pipeline import fetched, order, report, results, run
from worker.media.probed import facts_of

SECONDS = 8.0
TIMES = (0.2, 7.4)  # clicks where nobody speaks, in the source and in the dub
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-g", "25", "-pix_fmt", "yuv420p")
UNEVEN = "setpts='if(lt(N,40),N/25,1.6+(N-40)*0.0917)/TB'"


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    voice, clicks = speech(folder / "voice.wav"), write_clicks(folder / "clicks.wav", SECONDS, TIMES)
    talk = "[0:a]adelay=600:all=1,apad,atrim=duration=8[v];[v][1:a]amix=normalize=0,alimiter=0.9"
    sound = folder / "sound.wav"
    ffmpeg("-i", voice, "-i", clicks, "-filter_complex", talk, "-ar", "48000", "-ac", "2", sound)

    def picture(rate: str) -> tuple[str, ...]:
        return ("-f", "lavfi", "-i", f"testsrc2=size=160x120:rate={rate}:duration={SECONDS}")

    aac = ("-c:a", "aac", "-shortest")
    ffmpeg(*picture("25"), "-i", sound, *H264, *aac, folder / "plain.mp4")
    ffmpeg(*picture("30000/1001"), "-i", sound, *H264, *aac, folder / "ntsc.mp4")
    ffmpeg(*picture("25"), "-i", sound, "-vf", UNEVEN, "-fps_mode", "vfr", *H264, *aac, folder / "uneven.mp4")
    ffmpeg("-ss", "0.1", "-i", folder / "plain.mp4", "-c", "copy", folder / "edited.mp4")
    late = ("-i", folder / "plain.mp4", "-itsoffset", "0.5", "-i", folder / "plain.mp4", "-map", "0:v", "-map", "1:a")
    ffmpeg(*late, "-c", "copy", "-t", "8", folder / "late.mp4")
    ffmpeg("-i", folder / "plain.mp4", "-c", "copy", folder / "plain.ts")
    centre = ("-af", "pan=7.1|FC=0.5*c0+0.5*c1|FL=0*c0|FR=0*c0|LFE=0*c0|BL=0*c0|BR=0*c0|SL=0*c0|SR=0*c0")
    ffmpeg("-i", folder / "plain.mp4", *centre, "-c:v", "copy", "-c:a", "flac", folder / "surround.mkv")
    ffmpeg("-i", folder / "plain.mp4", "-ac", "1", "-ar", "8000", "-c:v", "copy", "-c:a", "aac",
           folder / "telephone.mp4")  # fmt: skip
    gap = r"noise=drop=between(pts*tb\,4.3\,4.7)"
    ffmpeg("-i", folder / "plain.mp4", "-c", "copy", "-bsf:a", gap, folder / "gaps.mkv")
    red = ("-f", "lavfi", "-i", "color=red:s=32x32:d=0.04:r=25")
    cover = ("-map", "0", "-map", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    ffmpeg("-i", sound, *red, *cover, "-c:a", "aac", folder / "cover.m4a")
    return folder


def frame(path: Path) -> float:
    video = facts_of(path).video
    return 1 / (video.fps or 25) if video else 0.025


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("ntsc.mp4", marks=pytest.mark.long),  # uneven.mp4 is the harder one
        "uneven.mp4",
        pytest.param("edited.mp4", marks=pytest.mark.long),  # its sound's way in and out is in media/test_mux.py
        "late.mp4",
        "plain.ts",
        "surround.mkv",
        "telephone.mp4",
        "gaps.mkv",
        "cover.m4a",
    ],
)
def test_it_lasts_as_long_keeps_its_pictures_and_its_clicks(engine, settings, films, tmp_path, name):
    source = films / name
    seconds = facts_of(source).duration_seconds
    held = order(engine, settings, source, seconds=seconds, source_transcript=SOURCE.to_dict())
    assert run(engine, settings, held).status == "COMPLETED"
    made = results(engine, held)
    dubbed = fetched(settings, made.get("dubbed_video.mp4") or made["dubbed_audio.m4a"], tmp_path)
    assert facts_of(dubbed).duration_seconds == pytest.approx(seconds, abs=frame(source))
    if name not in ("plain.ts", "cover.m4a"):
        assert packet_hashes(dubbed) == packet_hashes(source)
    heard = [time for time in click_times(decoded(source)) if time < 0.5 or time > 7]
    kept = [time for time in click_times(decoded(dubbed, "a:1")) if time < 0.5 or time > 7]
    assert kept == pytest.approx(heard, abs=0.001), "the original's sound, second"
    spoken = [time for time in click_times(decoded(dubbed, "a:0")) if time > 7]
    assert spoken == pytest.approx([time for time in heard if time > 7], abs=0.001), "under the dub"
    assert report(engine, settings, held, tmp_path)["measures"]["speech_lost"] == 0.0
    if name == "cover.m4a":
        assert any(stream.attached_picture for stream in facts_of(dubbed).streams)


@pytest.mark.long
def test_nobody_speaks_for_an_hour(engine, settings, tmp_path):
    hour = tmp_path / "hour.m4a"
    voice = speech(tmp_path / "voice.wav")
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=3605", "-i", voice, "-filter_complex",
           "[1:a]aresample=16000[v];[0:a][v]concat=n=2:v=0:a=1", "-c:a", "aac", "-b:a", "16k", hour)  # fmt: skip
    seconds = facts_of(hour).duration_seconds
    whole, look = (order(engine, settings, hour, seconds=seconds, options={"preview": wish}) for wish in (False, True))
    for held, at in ((whole, 3605.0), (look, 1.0)):
        assert run(engine, settings, held).status == "COMPLETED"
        lines = report(engine, settings, held, tmp_path)["lines"]
        assert lines[0]["source_start"] == pytest.approx(at, abs=0.4)
