"""The engines of the gpu extra, their real loading code on tiny models. Run where requirements-gpu.txt is installed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

pytest.importorskip("whisperx", reason="requirements-gpu.txt is not installed here")

from shared import limited
from shared.config import Settings
from shared.errors import PermanentError
from tests.contracts.conftest import ALSO_ENGLISH, ENGLISH, kept_in, music, settings_in, spoken
from tests.gpu import diarisers, weights
from worker.engines import extra, registry
from worker.engines.protocols import Piece, Sound
from worker.engines.source_separation import demucs
from worker.engines.speech_recognition import whisperx_models

pytestmark = pytest.mark.long
RATE = 16_000


def allowed(scratch: Path, **overrides: Any) -> Settings:
    """Settings with as much address space as these engines demand."""
    return settings_in(scratch, job_memory_bytes=extra.ROOM, **overrides)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all of them; English is aligned by the tiny aligner."""
    from nltk import data
    from whisperx import alignment

    folder = tmp_path_factory.mktemp("models")
    weights.whisper(folder)
    weights.demucs(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(alignment.DEFAULT_ALIGN_MODELS_TORCH, "en")
        patch.setitem(alignment.DEFAULT_ALIGN_MODELS_HF, "en", str(weights.wav2vec2(folder)))
        patch.setattr(data, "path", [str(weights.sentences(folder))])
        yield folder


@pytest.fixture
def recogniser(models: Path) -> Any:
    settings = allowed(
        models / "scratch",
        speech_recognition=("whisperx",),
        whisperx_model=str(models / "whisper"),
        models_device="cpu",
    )
    return registry.build("speech_recognition", settings)


@pytest.fixture(scope="module")
def pieces() -> list[Piece]:
    sounds = [spoken(ENGLISH), spoken(ALSO_ENGLISH, "rms"), np.zeros(RATE, np.float32), music(2.0)]
    return [Piece(index, 10.0 * index, Sound(samples, RATE)) for index, samples in enumerate(sounds)]


def test_whisperx_gives_words_with_aligned_times(recogniser: Any, pieces: list[Piece]) -> None:
    heard = list(recogniser.recognise(iter(pieces), "en"))
    assert [one.index for one in heard] == [0, 1, 2, 3]
    assert [" ".join(word.text for word in one.words) for one in heard] == [weights.SENTENCE] * 2 + [""] * 2
    assert [one.language for one in heard[:2]] == ["en", "en"]
    for one, piece in zip(heard, pieces, strict=True):
        times = [time for word in one.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(piece.start <= time <= piece.start + piece.sound.seconds + 1e-6 for time in times)
        assert one.speakers is None
    assert all(word.confidence > 0.9 for word in heard[0].words)


def test_a_language_without_an_aligner_has_its_words_spread(recogniser: Any, pieces: list[Piece]) -> None:
    heard = next(recogniser.recognise(pieces[:1], "be"))
    assert " ".join(word.text for word in heard.words) == weights.SENTENCE
    assert heard.language == "be"


def test_whisperx_detects_the_language(recogniser: Any, pieces: list[Piece]) -> None:
    heard = next(recogniser.recognise(pieces[:1], None))
    assert (heard.language, " ".join(word.text for word in heard.words)) == (weights.LANGUAGE, weights.SENTENCE)


def test_whisperx_tells_speakers_apart(models: Path, pieces: list[Piece]) -> None:
    settings = allowed(
        models / "scratch",
        speech_recognition=("whisperx",),
        whisperx_model=str(models / "whisper"),
        whisperx_diarisation_model=str(diarisers.diariser(models)),
        models_device="cpu",
    )
    recogniser = registry.build("speech_recognition", settings)
    heard = list(recogniser.recognise(iter(pieces[:2]), "en"))
    assert [set(one.speakers) for one in heard] == [{"0:SPEAKER_00"}, {"1:SPEAKER_00"}]
    assert [len(one.speakers) for one in heard] == [len(one.words) for one in heard]


def test_pyannote_tells_its_makers_nothing(models: Path) -> None:
    from pyannote.audio.telemetry.metrics import is_metrics_enabled

    with suppress(PermanentError):
        whisperx_models.diariser(str(models / "nothing"), whisperx_models.Place("cpu", None), None)
    assert not is_metrics_enabled()


def test_models_are_loaded_once(recogniser: Any, pieces: list[Piece]) -> None:
    list(recogniser.recognise(pieces[:2], "en"))
    before = whisperx_models.transcriber.cache_info().misses, whisperx_models.aligner.cache_info().misses
    list(recogniser.recognise(pieces[:2], "en"))
    assert (whisperx_models.transcriber.cache_info().misses, whisperx_models.aligner.cache_info().misses) == before


def test_a_model_that_is_not_there_is_named(models: Path, pieces: list[Piece]) -> None:
    empty = models / "empty"
    empty.mkdir()
    settings = allowed(models, speech_recognition=("whisperx",), whisperx_model=str(empty), models_device="cpu")
    with pytest.raises(PermanentError, match="empty") as missing:
        list(registry.build("speech_recognition", settings).recognise(pieces[:1], "en"))
    assert missing.value.code == "model_unavailable"
    settings = allowed(models, source_separation=("demucs",), demucs_model="nothing", models_dir=models / "demucs")
    soundfile.write(models / "sound.flac", np.zeros((4800, 2)), 48_000)
    with pytest.raises(PermanentError) as missing:
        registry.build("source_separation", settings).separate(models / "sound.flac", models / "out", kept_in(models))
    assert missing.value.code == "model_unavailable"


@pytest.mark.parametrize("channels", [1, 2])
def test_demucs_takes_the_voice_off_block_by_block(
    channels: int, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same whether in one stretch or in several, to what the model makes of a cut; the same again each time."""
    noise = 0.1 * np.random.default_rng(1).standard_normal((9 * 48_000, channels)).astype(np.float32)
    soundfile.write(tmp_path / "sound.flac", noise, 48_000)
    settings = allowed(
        tmp_path,
        source_separation=("demucs",),
        demucs_model="voices",
        models_dir=models / "demucs",
        models_device="cpu",
    )
    separator = registry.build("source_separation", settings)
    made = []
    for longest in (60.0, 60.0, 5.0):
        monkeypatch.setattr(demucs, "LONGEST", longest)
        background = separator.separate(
            tmp_path / "sound.flac", tmp_path / f"out{len(made)}", kept_in(tmp_path)
        ).background
        samples, rate = soundfile.read(background, dtype="float32", always_2d=True)
        assert (samples.shape, rate) == (noise.shape, 48_000)
        made.append(samples)
    assert np.array_equal(made[0], made[1])
    assert not np.allclose(made[0], noise, atol=0.001)
    assert np.sqrt(np.mean((made[2] - made[0]) ** 2)) < 0.5 * np.sqrt(np.mean((noise - made[0]) ** 2))


def test_demucs_takes_the_voice_off_surround_but_for_the_bass(models: Path) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((48_000, 6)).astype(np.float32)
    noise[:, 4:] = 0.0
    found = demucs.voice(noise, 48_000, demucs.loaded("voices", models / "demucs"), "cpu")
    assert found.shape == noise.shape
    assert np.flatnonzero(found.any(axis=0)).tolist() == [0, 1, 2], "neither the bass nor the silent back"


def test_both_fit_into_the_address_space_that_they_demand(models: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "sound.flac", np.zeros((48_000, 2)), 48_000)
    np.save(tmp_path / "speech.npy", spoken(ENGLISH))
    code = """if True:
        import sys
        from pathlib import Path
        import numpy as np
        from tests.gpu import test_models as tests
        models, folder = map(Path, sys.argv[1:])
        whisper = dict(speech_recognition=("whisperx",), whisperx_model=str(models / "whisper"))
        demucs = dict(source_separation=("demucs",), demucs_model="voices", models_dir=models / "demucs")
        settings = tests.allowed(folder, models_device="cpu", **whisper, **demucs)
        piece = tests.Piece(0, 0.0, tests.Sound(np.load(folder / "speech.npy"), tests.RATE))
        assert next(tests.registry.build("speech_recognition", settings).recognise([piece], "be")).words
        separator = tests.registry.build("source_separation", settings)
        separator.separate(folder / "sound.flac", folder / "out", tests.kept_in(folder))
    """
    limits = limited.Limits(memory_bytes=extra.ROOM)
    ran = subprocess.run(
        limited.command([sys.executable, "-c", code, str(models), str(tmp_path)], limits),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys; from worker.engines.speech_recognition import whisperx; "
        "from worker.engines.source_separation import demucs; "
        "sys.exit(bool({'torch', 'whisperx', 'demucs'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
