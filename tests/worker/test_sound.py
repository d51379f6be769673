"""What a whole job makes of the source's sound: its layout, its room, its speakers' loudness."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import soxr

from shared.dubbing.transcript import GivenLine, GivenTranscript
from tests.media import ffmpeg, speech
from tests.worker.test_pipeline import fetched, order, report, results, run
from worker.engines.protocols import Keep, Separation
from worker.engines.registry import Registry
from worker.media.meter import lufs, measured
from worker.spans import Span

RATE = 48_000


def said(tmp_path: Path) -> np.ndarray:
    spoken, rate = soundfile.read(speech(tmp_path / "said.wav"), dtype="float32")
    return np.asarray(soxr.resample(spoken, rate, RATE), np.float32)


def clip(tmp_path: Path, sound: np.ndarray) -> Path:
    """A picture with that sound (n, channels)."""
    soundfile.write(tmp_path / "sound.wav", sound, RATE)
    picture = f"testsrc2=size=64x64:rate=25:duration={len(sound) / RATE}"
    ffmpeg("-f", "lavfi", "-i", picture, "-i", tmp_path / "sound.wav",
           "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "flac", tmp_path / "clip.mkv")  # fmt: skip
    return tmp_path / "clip.mkv"


def heard(path: Path) -> np.ndarray:
    """The first sound of a file, (n, channels)."""
    with av.open(str(path)) as file:
        frames = [frame.to_ndarray() for frame in file.decode(audio=0)]
    return np.concatenate(frames, axis=1).T


def talk(tmp_path: Path, channels: int) -> np.ndarray:
    """Six seconds: speech from 0.5 s on in the middle, and a hiss at −55 dBFS everywhere."""
    sound = np.random.default_rng(1).normal(0, 10 ** (-55 / 20), (6 * RATE, channels)).astype(np.float32)
    spoken = said(tmp_path)[: 5 * RATE]
    for channel in (2,) if channels == 6 else range(channels):
        sound[RATE // 2 : RATE // 2 + len(spoken), channel] += 0.5 * spoken
    return sound


@pytest.mark.parametrize("channels", [1, 6])
def test_the_layout_is_kept_and_the_voice_is_in_the_middle(engine, settings, tmp_path, channels):
    held = order(engine, settings, clip(tmp_path, talk(tmp_path, channels)))
    assert run(engine, settings, held).status == "COMPLETED"
    measures = report(engine, settings, held, tmp_path)
    assert abs(measures["measures"]["mix"]["dub_dialogue_lufs"] - measures["measures"]["mix"]["target_lufs"]) <= 1.0
    dub = heard(fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path))
    assert dub.shape[1] == channels
    assert abs(len(dub) - 6 * RATE) <= RATE // 25
    loud = 20 * np.log10(np.sqrt(np.mean(np.square(dub), axis=0)))
    assert np.all(np.delete(loud, 2) < loud[2] - 20) if channels == 6 else loud[0] > -40


def test_where_the_background_is_dropped_the_room_is_still_there(engine, settings, tmp_path):
    held = order(engine, settings, clip(tmp_path, talk(tmp_path, 2)), options={"background": "drop"})
    assert run(engine, settings, held).status == "COMPLETED"
    dub = heard(fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path))
    lines = report(engine, settings, held, tmp_path)["lines"]
    quiet = dub[: int((min(line["start"] for line in lines) - 0.05) * RATE)]
    assert len(quiet) > RATE // 5
    assert 10 * np.log10(np.mean(np.square(quiet))) == pytest.approx(-55, abs=6)


def test_each_speaker_is_as_loud_as_in_the_source(engine, settings, tmp_path):
    """A host and a guest 8 dB below: so they are in the dub, whatever their voices are by themselves."""
    line = said(tmp_path)[: 2 * RATE]
    line *= 0.3 / np.abs(line).max()
    pause = np.zeros(RATE, np.float32)
    sound = np.concatenate([pause, line, pause, line * 10 ** (-8 / 20), pause])[:, None]
    lines = (GivenLine("The water in the lake is warm.", 1.0, 3.0, "host"), GivenLine("We swim.", 4.0, 6.0, "guest"))
    options = {"background": "drop"}
    path, transcript = clip(tmp_path, sound), GivenTranscript(lines).to_dict()
    held = order(engine, settings, path, seconds=7.0, source_transcript=transcript, options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    dub = heard(fetched(settings, results(engine, held)["dubbed_audio.m4a"], tmp_path))
    rows = report(engine, settings, held, tmp_path)["lines"]
    powers = measured([np.ascontiguousarray(dub)])
    host, guest = (lufs(powers, [Span(row["start"], row["end"])]) for row in rows)
    source = measured([sound])
    assert host - guest == pytest.approx(lufs(source, [Span(1, 3)]) - lufs(source, [Span(4, 6)]), abs=1.0)


class LoudBackground:
    """An engine that finds a hiss just below full scale behind every voice."""

    name = "loud"
    model = "loud-1"

    def separate(self, sound: Path, out_dir: Path, keep: Keep) -> Separation:
        info = soundfile.info(sound)
        hiss = np.random.default_rng(2).uniform(-0.9, 0.9, (info.frames, info.channels))
        soundfile.write(out_dir / "hiss.flac", hiss, RATE)
        return Separation(out_dir / "hiss.flac")


def register(registry: Registry) -> None:
    registry.register("source_separation", "loud", lambda _settings: LoudBackground())


def test_the_dialogue_is_measured_behind_the_limiter(engine, make_settings, tmp_path):
    """Over a bed that leaves it no room the voice is turned down with it, and the report says so."""
    modules = ("tests.fakes", "tests.worker.test_sound")
    settings = make_settings(engine_modules=modules, source_separation=("loud",))
    options = {"background": "keep", "outputs": ["audio", "stems"]}
    held = order(engine, settings, clip(tmp_path, talk(tmp_path, 1)), options=options)
    assert run(engine, settings, held).status == "COMPLETED"
    mix = report(engine, settings, held, tmp_path)["measures"]["mix"]
    made = results(engine, held)
    dub = heard(fetched(settings, made["dubbed_audio.m4a"], tmp_path))[:, 0]
    voice = soundfile.read(fetched(settings, made["voice_stem.flac"], tmp_path))[0]
    size = min(len(dub), len(voice))
    share = np.dot(dub[:size], voice[:size]) / np.dot(voice, voice)  # how much of the stem is in the dub
    turned_down = mix["dub_dialogue_lufs"] - mix["target_lufs"]
    assert turned_down < -1.0
    assert turned_down == pytest.approx(20 * np.log10(share) - mix["voice_gain_db"], abs=0.5)
