"""A job through OpenAI, ElevenLabs and Fish Audio, as far as stand-ins can be they, while a fifth of the calls fails.

The worker is a real process with the real SDKs; the stand-ins answer over HTTP with real speech.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from sqlalchemy import select

from bench.material import talk
from shared.costs import calls
from shared.db import transaction
from shared.models import Job, Result
from shared.storage import Storage
from tests.media import ffmpeg
from tests.standins import hearing
from tests.standins.hearing import Recording, Said, even
from tests.standins.server import Server, serving
from tests.worker.conftest import Bench
from tests.worker.conftest import start_bench as start_bench

MINUTES = 0.5
LANGUAGES = ("es", "fr")
# Each speaker's voice is of another provider.
VOICES = {"S1": "elevenlabs:21m00Tcm4TlvDq8ikWAM", "S2": "fish:bf322df2096a46f18c579d0baa36f41d"}
ENGINES: dict[str, Any] = {
    "speech_recognition": ("elevenlabs", "openai"),
    "translation": ("openai",),
    "speech_synthesis": ("elevenlabs", "fish", "openai"),
    "engine_first_wait_seconds": 0.05,
}
SPEECH = ("elevenlabs_speech", "fish_speech", "openai_speech")


@pytest.fixture
def providers() -> Iterator[Server]:
    modules = ("openai_hearing", "openai_speaking", "elevenlabs_hearing", "elevenlabs_speaking", "fish_speaking")
    with serving(*modules) as server:
        yield server
    hearing.KNOWN.clear()


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> talk.Talk:
    """Two people talk, by turns."""
    return talk.make(tmp_path_factory.mktemp("conversation"), MINUTES, seed=5)


@pytest.fixture(scope="module")
def clip(conversation: talk.Talk) -> Path:
    """What the bench uploads."""
    return conversation.video


def known(conversation: talk.Talk, folder: Path) -> None:
    """Tell the stand-ins what is said in the conversation."""
    lines: list[dict[str, Any]] = json.loads(conversation.transcript.read_text())["segments"]
    ffmpeg("-i", conversation.video, "-ac", "1", "-ar", str(hearing.RATE), folder / "talk.wav")
    samples, _ = soundfile.read(folder / "talk.wav", dtype="float32")
    said: list[Said] = []
    for line in lines:
        said += even(line["text"], line["end"] - line["start"], line["speaker"], line["start"])
    hearing.KNOWN.append(Recording(samples, said))


def units(bench: Bench) -> Counter[str]:
    """How often each kind of work was done; each has an artifact of its own."""
    return Counter(artifact.stage for artifact in bench.artifacts())


def report(bench: Bench, job_id: Any, language: str, folder: Path) -> dict[str, Any]:
    wanted = select(Result).where(Result.job_id == job_id, Result.kind == "report", Result.language == language)
    with transaction(bench.engine) as session:
        result = session.scalars(wanted.where(Result.filename.like("%.json"))).one()
    Storage(bench.settings).download(result.key, folder / "report.json")
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document


@pytest.mark.parametrize("seed", [20])
def test_two_speakers_two_languages_and_a_fifth_of_the_calls_fails(
    seed: int, start_bench: Callable[..., Bench], providers: Server, conversation: talk.Talk, tmp_path: Path
) -> None:
    known(conversation, tmp_path)
    bench = start_bench(**ENGINES, **providers.settings())
    providers.fail_at_random(0.2, seed)
    job_id = bench.job(*LANGUAGES, seconds=conversation.seconds, options={"voices": VOICES})
    job = bench.ended(job_id, 150)
    assert job.status == "COMPLETED", (job.error_code, job.error_message)
    assert [dub.status for dub in job.dubs] == ["COMPLETED"] * 2
    for language in LANGUAGES:
        told = report(bench, job_id, language, tmp_path)
        assert told["source"]["speakers"] == ["S1", "S2"]
        who = {line["engine"].partition("/")[0] for line in told["lines"]}
        assert who >= {"elevenlabs", "fish"}
        assert {line["translator"] for line in told["lines"]} == {told["engines"]["translation"]}
    paid_no_more_than_needed(bench, providers)
    accounted_for(bench, providers)


def paid_no_more_than_needed(bench: Bench, providers: Server) -> None:
    """Each piece, batch and line was paid once and once more for each of its calls that failed, as often as may be."""
    made, asked = units(bench), providers.asked()
    failed = Counter(call.route for call in asked if call.fault is not None)
    assert sum(failed.values()) >= 3
    most = bench.settings.engine_attempts
    for stage, routes in {
        "transcribe.piece": ("elevenlabs_speech_to_text", "openai_transcriptions"),
        "translate.batch": ("openai_responses",),
        "synthesize.line": SPEECH,
    }.items():
        calls_made = sum(call.route in routes for call in asked)
        retries = sum(failed[route] for route in routes)
        # A line to be shortened, or a piece heard by the second engine, is asked for with two requests.
        more = made["fit.line"] * 2 if stage == "translate.batch" else 0
        assert made[stage] > 0
        assert made[stage] <= calls_made - retries <= made[stage] + more, (stage, made, Counter(c.route for c in asked))
        assert retries <= (made[stage] + more) * (most - 1) * len(routes)


def accounted_for(bench: Bench, providers: Server) -> None:
    """What the provider saw is what the database says: calls, failures, and a price."""
    job_calls = [call for call in providers.asked() if not call.route.endswith(("_voices", "_models", "_model"))]
    (total,) = bench_sums(bench)
    assert total.calls == len(job_calls)
    assert total.failed == sum(call.fault is not None for call in job_calls)
    assert total.price > 0
    assert total.unpriced == 0


def bench_sums(bench: Bench) -> list[calls.Sum]:
    with transaction(bench.engine) as session:
        (job_id,) = session.scalars(select(Job.job_id))
        return list(calls.of_jobs(session, [job_id]).values())
