"""How well a job keeps its providers busy: its makespan beside the critical path that their limits allow.

A talk is dubbed by the whole stack in a temporary folder, recognised and spoken by ElevenLabs and translated by OpenAI,
as far as their stand-ins are they: real SDKs over HTTP, answers as slow as real ones. The critical path is a list
schedule of the very same calls with nothing but the configured rates and concurrencies in their way: all pieces are
heard before the first batch is translated, a line is spoken when its batch is translated, and no batch waits for
another. The makespan has what this machine does between hearing and translating (who speaks, and when), which is
shown by itself, too; the critical path has nothing for it.
"""

import argparse
import heapq
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.gauge.table import setting, table
from bench.material.talk import Talk, make
from local.client import Client, ClientError
from local.processes import StackError
from local.sample import LANGUAGE
from local.stack import Stack, stop_on_signals
from shared.config import Settings
from tests.standins import elevenlabs_hearing, elevenlabs_speaking, openai_speaking
from tests.standins.hearing import RATE, Said
from tests.standins.server import Server, serving

RECOGNITION = 0.05  # seconds for each second of sound
TRANSLATION, SYNTHESIS = 2.0, 0.7  # seconds for a batch, for a line
MOST = 1.10  # makespan ÷ critical path
PACKAGES = ("elevenlabs", "fish-audio-sdk", "httpx", "moto", "openai")
HEARING, TRANSLATING, SPEAKING = "elevenlabs_speech_to_text", "openai_responses", "elevenlabs_speech"
WORDS = ("Somebody", "says", "a", "short", "sentence", "to", "us.")
WORD_SECONDS, PAUSE_SECONDS = 0.36, 0.6
HEAD = (
    "languages", "batches", "lines", "heard s", "at least", "said s", "at least", "between s", "ratio",
)  # fmt: skip
ENGINES = {
    "speech_recognition": "elevenlabs",
    "translation": "openai",
    "speech_synthesis": "elevenlabs",
    "source_separation": "ducking",
}


@dataclass(frozen=True)
class Limits:
    """How hard a provider may be asked: calls at once, calls a minute."""

    concurrency: int
    per_minute: float


LIMITS = {
    provider: Limits(
        Settings.model_fields[f"{provider}_concurrency"].default,
        Settings.model_fields[f"{provider}_requests_per_minute"].default,
    )
    for provider in ("elevenlabs", "openai")
}


@dataclass(frozen=True)
class Call:
    """A call: when it may begin at the earliest, how long it takes (seconds)."""

    ready: float
    seconds: float


def scheduled(calls: Iterable[Call], limits: Limits) -> list[float]:
    """When each call ends, in the order of `calls`, if those that are ready first begin first, within the limits."""
    free = [0.0] * limits.concurrency
    interval = 60 / limits.per_minute
    rush, due, ends = interval * (limits.concurrency - 1), float("-inf"), dict[int, float]()
    for number, call in sorted(enumerate(calls), key=lambda pair: pair[1].ready):
        now = max(call.ready, heapq.heappop(free))
        turn = max(due, now - rush)
        start, due = max(now, turn), turn + interval
        ends[number] = start + call.seconds
        heapq.heappush(free, ends[number])
    return [ends[number] for number in sorted(ends)]


@dataclass(frozen=True)
class Run:
    """What a job asked for: the seconds of its pieces, the sizes of its batches; and when.

    `heard` is from the first piece's question to the last one's answer, `said` from the first batch's to the last
    line's, `between` what lies between the two.
    """

    heard: float
    between: float
    said: float
    pieces: Sequence[float]
    batches: Sequence[int]
    spoken: int

    @property
    def makespan(self) -> float:
        """Seconds from the first question to the last answer."""
        return self.heard + self.between + self.said


def critical_path(run: Run, elevenlabs: Limits, openai: Limits) -> tuple[float, float]:
    """The seconds that hearing takes at least, and translating and speaking together."""
    heard = max(scheduled([Call(0.0, RECOGNITION * seconds) for seconds in run.pieces], elevenlabs))
    translated = scheduled([Call(0.0, TRANSLATION) for _ in run.batches], openai)
    lines = [Call(ready, SYNTHESIS) for ready, size in zip(translated, run.batches, strict=True) for _ in range(size)]
    return heard, max(scheduled(lines, elevenlabs))


def dub(talk: Talk, languages: Sequence[str], server: Server, folder: Path) -> Run:
    """Dub the talk in a stack of its own, and stop the stack. Raises ClientError, StackError."""
    pieces: list[float] = []
    vars(elevenlabs_hearing)["heard"] = lambda samples: _heard(len(samples) / RATE, pieces)
    vars(elevenlabs_speaking)["spoken"] = _tone
    server.latency = {TRANSLATING: TRANSLATION, SPEAKING: SYNTHESIS}
    wishes = {**ENGINES, **server.settings("elevenlabs", "openai")}
    os.environ.update({f"ONEVOICE_{name.upper()}": value for name, value in wishes.items()})
    with Stack(folder, say=lambda _: None) as stack, Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        video = client.upload(talk.video)
        job = client.dub(video.video_id, list(languages), source_language=LANGUAGE)
        *_, last = client.follow(job.job_id)
        if last.status != "COMPLETED":
            raise ClientError(f"The job ended {last.status}: {last.why}")
    return _run(server, pieces)


def _run(server: Server, pieces: Sequence[float]) -> Run:
    begun, ended = dict[str, float](), dict[str, float]()
    for route, start, end in server.answered:
        begun[route], ended[route] = min(start, begun.get(route, start)), max(end, ended.get(route, end))
    documents = [json.loads(asked.document["input"]) for asked in server.asked(TRANSLATING)]
    return Run(
        heard=ended[HEARING] - begun[HEARING],
        between=begun[TRANSLATING] - ended[HEARING],
        said=ended[SPEAKING] - begun[TRANSLATING],
        pieces=pieces,
        batches=[len(document["lines"]) for document in documents if "lines" in document],
        spoken=server.calls(SPEAKING),
    )


def _heard(seconds: float, pieces: list[float]) -> tuple[list[Said], str]:
    """Somebody talks from the beginning to the end, and it takes its time to hear it."""
    time.sleep(RECOGNITION * seconds)
    pieces.append(seconds)
    said, start, number = list[Said](), 0.3, 0
    while start + len(WORDS) * WORD_SECONDS < seconds:
        number += 1
        for word in (f"Number {len(pieces)}.{number}", *WORDS):
            said.append(Said(word, start, start + 0.8 * WORD_SECONDS, "ann"))
            start += WORD_SECONDS
        start += PAUSE_SECONDS
    return said, "english"


def _tone(text: str, _voice: str, rate: int, speed: float = 1.0) -> bytes:
    """A tone that fits any line."""
    samples = np.arange(int((0.3 + 0.02 * len(text)) * rate / speed))
    return (8000 * np.sin(2 * np.pi * 220 * samples / rate)).astype("<i2").tobytes()


def main() -> int:
    """Measure and print; 1 when a ratio is above MOST, or, with one sentence, when the stack or a job fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.providers", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="of the talk; default: %(default)s")
    parser.add_argument("--languages", nargs="+", default=["es", "fr"], help="default: es fr")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    arguments = parser.parse_args()
    stop_on_signals()
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    print(setting(arguments.seed, PACKAGES))
    rows, worst = [], 0.0
    for languages in (arguments.languages[:1], arguments.languages):
        try:
            with (
                serving(elevenlabs_hearing, elevenlabs_speaking, openai_speaking) as server,
                tempfile.TemporaryDirectory(prefix="onevoice-bench-") as name,
            ):
                talk = make(Path(name), arguments.minutes, arguments.seed)
                run = dub(talk, languages, server, Path(name) / "stack")
        except (ClientError, StackError) as error:
            print(error, file=sys.stderr)
            return 1
        heard, said = critical_path(run, LIMITS["elevenlabs"], LIMITS["openai"])
        ratio = run.makespan / (heard + said)
        worst = max(worst, ratio)
        rows.append(
            (
                " ".join(languages), f"{len(run.batches)}", f"{run.spoken}", f"{run.heard:.1f}", f"{heard:.1f}",
                f"{run.said:.1f}", f"{said:.1f}", f"{run.between:.1f}", f"{ratio:.3f}",
            )
        )  # fmt: skip
    print(table(f"A talk of {arguments.minutes:g} minutes", HEAD, rows))
    print(f"Makespan ÷ critical path: {worst:.3f} at most, {MOST:.2f} promised.")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
