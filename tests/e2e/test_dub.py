"""The main job as a client sees it: the whole stack, offline engines, and the file that comes back judged by itself."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import pysubs2
import pytest
import soundfile
import soxr

from local import sample
from local.client import Client, Job
from local.stack import Stack
from shared.config import Settings
from tests.contracts.conftest import settings_in
from tests.media import FFMPEG, ffmpeg
from worker.engines.protocols import Piece, Sound
from worker.engines.speech_recognition.pocketsphinx import PocketSphinxRecogniser
from worker.engines.speech_synthesis.espeak import EspeakSynthesiser
from worker.engines.speech_synthesis.flite import FliteSynthesiser
from worker.media.ffmpeg import file_loudness

ONE_FRAME = 1 / 25
MARGIN = 0.2  # seconds around a line: recognisers lose a word that begins at once
SPANISH = (
    "Hoy quiero hablar de los libros.",
    "Este libro es muy bueno y muy nuevo.",
    "Mi hermana vive en una casa grande con tres perros.",
    "El agua del mar es muy fría en invierno.",
    "Los niños juegan en el parque por la tarde.",
    "Mañana compraré pan y leche en la tienda.",
    "El tren llega a la ciudad a las nueve.",
    "Mi padre trabaja en un hospital muy grande.",
    "La música de esta película es muy bonita.",
    "Muchas personas quieren aprender una lengua nueva.",
)


@contextmanager
def signed_in(folder: Path, voices: str) -> Iterator[Client]:
    """A client of a running stack that speaks with the engine `voices`."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ONEVOICE_SPEECH_SYNTHESIS", voices)
        with Stack(folder) as stack, Client(stack.url) as client:
            client.login(stack.secrets.email, stack.secrets.password)
            yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with signed_in(tmp_path_factory.mktemp("stack"), voices="espeak") as client:
        yield client


@dataclass(frozen=True)
class Dubbed:
    """A finished job and its downloaded files."""

    original: Path
    job: Job
    files: dict[str, Path]
    stages: list[str]

    @property
    def video(self) -> Path:
        return self.files["dubbed_video"]

    @property
    def report(self) -> dict:
        return json.loads(self.files["report"].read_text())


def dub(
    client: Client, path: Path, out: Path, language: str, source: str, transcript: str | None, background: str = "duck"
) -> Dubbed:
    video = client.upload(path)
    order = client.dub(
        video.video_id, [language], source_language=source, source_transcript=transcript, background=background
    )
    seen = list(client.follow(order.job_id, poll_seconds=0.3))
    out.mkdir(exist_ok=True)
    files = {result.kind: client.download(result, out) for result in client.results(order.job_id)}
    return Dubbed(path, seen[-1], files, list(dict.fromkeys(job.stage for job in seen if job.stage)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> sample.Sample:
    return sample.make(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def given(client, made, tmp_path_factory) -> Dubbed:
    """The sample dubbed from its own transcript, speakers and all."""
    transcript = made.transcript.read_text()
    return dub(client, made.video, tmp_path_factory.mktemp("given"), "es", "en", transcript)


def described(path: Path) -> str:
    return subprocess.run([FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True).stderr


def video_hash(path: Path) -> bytes:
    command = [FFMPEG, "-loglevel", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f", "streamhash", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def sound_of(path: Path, track: int, tmp_path: Path) -> np.ndarray:
    wav = tmp_path / f"{path.stem}.{track}.wav"
    ffmpeg("-i", path, "-map", f"0:a:{track}", "-ac", "1", "-ar", "48000", wav)
    return soundfile.read(wav, dtype="float32")[0]


def test_it_completes_and_names_its_stages(given):
    assert (given.job.status, given.job.progress) == ("COMPLETED", 1.0)
    assert given.stages


def test_the_picture_is_untouched_and_as_long(given, tmp_path):
    assert video_hash(given.video) == video_hash(given.original)
    lengths = [len(sound_of(path, 0, tmp_path)) / 48_000 for path in (given.video, given.original)]
    assert abs(lengths[0] - lengths[1]) <= ONE_FRAME


def test_the_dub_is_first_the_original_second_and_subtitles_are_soft(given):
    streams = [line.strip() for line in described(given.video).splitlines() if "Stream #" in line]
    kinds = [next(kind for kind in ("Video", "Audio", "Subtitle") if kind in line) for line in streams]
    assert kinds[:3] == ["Video", "Audio", "Audio"]
    assert "(spa)" in streams[1]
    assert "48000 Hz, stereo" in streams[1]
    assert "(default)" in streams[1]
    assert "(eng)" in streams[2]
    assert any("mov_text" in line and "(spa)" in line for line in streams)


def test_the_file_and_the_report_agree(given):
    mix, measures = given.report["measures"]["mix"], given.report["measures"]
    assert file_loudness(given.video).true_peak_dbtp == pytest.approx(mix["true_peak_dbtp"], abs=0.3)
    assert mix["true_peak_dbtp"] <= -1.0
    assert abs(mix["dub_dialogue_lufs"] - mix["target_lufs"]) <= 1.0
    assert (measures["speech_lost"], measures["overlap_within_speaker"]) == (0.0, 0.0)
    assert measures["speed"]["max"] <= 1.40
    assert measures["onset_drift"]["p95"] <= 0.35


def test_each_speaker_has_a_voice(given, made):
    voices = {(line["speaker"], line["voice"]) for line in given.report["lines"]}
    assert len(voices) == len({speaker for speaker, _ in voices}) == len({line.speaker for line in made.lines})
    assert len({voice for _, voice in voices}) == 2


def test_the_background_is_kept_where_nobody_speaks(given, made, tmp_path):
    """The music before the first word and after the last is the original's, in level and in shape."""
    before, after = sound_of(given.original, 0, tmp_path), sound_of(given.video, 0, tmp_path)
    end = round((made.lines[-1].end + 1.2) * 48_000)
    count = min(len(before), len(after))
    source, dubbed = before[end:count], after[end:count]
    assert len(source) > 0.2 * 48_000
    assert abs(20 * np.log10(np.std(dubbed) / np.std(source))) <= 1.0


def test_the_original_voice_is_at_least_fifteen_decibels_down(given):
    """What is left of it: the ducking depth, and the loudness the dub was brought to."""
    mix = given.report["measures"]["mix"]
    assert mix["source_dialogue_lufs"] + mix["ducking_db"] <= mix["dub_dialogue_lufs"] - 15


def test_the_subtitles_say_what_is_said_where_it_is_said(given):
    cues = pysubs2.load(str(given.files["dub_subtitles"]))
    first = given.report["lines"][0]
    assert cues[0].start / 1000 == pytest.approx(first["start"], abs=0.05)
    spoken = " ".join(line["text"] for line in given.report["lines"])
    assert " ".join(cue.plaintext.replace("\n", " ") for cue in cues).split() == spoken.split()


def test_recognised_without_a_transcript_most_words_are_right(client, made, tmp_path):
    recognised = dub(client, made.video, tmp_path, "es", "en", None)
    document = json.loads(recognised.files["transcript"].read_text())
    heard = " ".join(segment["text"] for segment in document["segments"])
    plain = [text.lower().replace(".", "").replace(",", "").replace("?", "") for text in (made.text, heard)]
    assert jiwer.wer(*plain) < 0.5
    assert recognised.report["engines"]["speech_recognition"].startswith("pocketsphinx/")


@pytest.fixture(scope="module")
def english_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with signed_in(tmp_path_factory.mktemp("english"), voices="flite") as client:
        yield client


def word_errors(settings: Settings, spoken: list[tuple[Sound, str]]) -> float:
    recogniser = PocketSphinxRecogniser(settings)
    pieces = [Piece(index, 0.0, sound) for index, (sound, _) in enumerate(spoken)]
    heard = {found.index: " ".join(word.text for word in found.words) for found in recogniser.recognise(pieces, "en")}
    texts = [text.lower().translate(str.maketrans("", "", ".,;:?!¿¡")) for _, text in spoken]
    return float(jiwer.wer(texts, [heard[index] for index in range(len(spoken))]))


@pytest.mark.long
def test_what_the_dub_says_can_be_understood(english_client, tmp_path):
    """Spanish into English by flite, each line transcribed at its place: no worse than the voice by itself.

    Without the original: over a second voice, however quiet, PocketSphinx hears little of what people do.
    """
    rate, gap = 16_000, np.zeros(12_000, np.float32)
    settings = settings_in(tmp_path / "scratch")
    voice = EspeakSynthesiser(settings)
    parts, lines, at = [gap], [], len(gap) / rate
    for text in SPANISH:
        sound = voice.synthesise(text, "espeak:es", "es")
        samples = soxr.resample(sound.samples, sound.rate, rate)
        lines.append({"start": at, "end": at + len(samples) / rate, "text": text})
        parts += [samples, gap]
        at += (len(samples) + len(gap)) / rate
    source = tmp_path / "spanish.wav"
    soundfile.write(source, np.concatenate(parts), rate)
    dubbed = dub(english_client, source, tmp_path, "en", "es", json.dumps({"segments": lines}), "drop")
    track = soxr.resample(sound_of(dubbed.files["dubbed_audio"], 0, tmp_path), 48_000, rate)
    placed, alone = [], []
    flite = FliteSynthesiser(settings)
    for line in dubbed.report["lines"]:
        first, last = round((line["start"] - MARGIN) * rate), round((line["end"] + MARGIN) * rate)
        placed.append((Sound(track[first:last], rate), line["text"]))
        own = flite.synthesise(line["text"], line["voice"], "en")
        alone.append((Sound(soxr.resample(own.samples, own.rate, rate), rate), line["text"]))
    assert word_errors(settings, placed) <= word_errors(settings, alone) + 0.05
