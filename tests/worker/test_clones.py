"""Voices cloned from a speaker's own speech, at the providers' stand-ins, over real media and the real database."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from sqlalchemy import func, select, update

from shared.config import Settings
from shared.db import transaction
from shared.dubbing import clones
from shared.dubbing.leases import Claim
from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import LeaseLostError, PermanentError, TransientError
from shared.models import ClonedVoice, Job, new_id
from tests.media import SAYING, speech
from tests.processes import ROOT, environment, until
from tests.standins.server import CUT, Server, serving, status
from tests.worker.test_pipeline import another, order, report
from worker import cloned_voices, pipeline, work
from worker.engines import chain
from worker.engines.voice_cloning import names

CLONED = {"default": "clone"}
ROUTES = {"elevenlabs": ("elevenlabs_clone", "elevenlabs_speech"), "fish": ("fish_clone", "fish_speech")}


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with serving("elevenlabs_speaking", "fish_speaking") as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Server:
    _server.forget()
    for voices in (_server.elevenlabs_voices, _server.fish_voices):
        for name in [name for name, voice in voices.items() if "onevoice" in str(voice)]:
            del voices[name]
    return _server


BOTH = pytest.mark.parametrize("provider", ["elevenlabs", "fish"])


@pytest.fixture
def provider() -> str:
    return "elevenlabs"


@pytest.fixture
def cloning(make_settings: Callable[..., Settings], server: Server, provider: str) -> Settings:
    return make_settings(
        **server.settings(),
        speech_synthesis=(provider,), speech_recognition=("fake",), translation=("fake",), forced_alignment=("fake",),
        source_separation=("fake",), engine_first_wait_seconds=0.01,
    )  # fmt: skip


@pytest.fixture(scope="session")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speech(tmp_path_factory.mktemp("talk") / "talk.wav", " ".join([SAYING] * 4))


def there(server: Server, provider: str) -> list[str]:
    """The names of the clones that the provider holds."""
    voices = getattr(server, f"{provider}_voices").values()
    return [name for voice in voices if (name := voice.get("name") or voice["title"]).startswith("onevoice")]


def wishes(seconds: float, **options: Any) -> dict[str, Any]:
    """Of a job whose one speaker says nearly all of the talk in lines of four seconds, in their own voice."""
    times = [(start, start + 3.8) for start in range(0, int(seconds) - 4, 4)]
    lines = tuple(GivenLine(f"Line {number}.", start, end, "Ana") for number, (start, end) in enumerate(times))
    return {
        "source_transcript": GivenTranscript(lines).to_dict(),
        "options": {"voices": CLONED, "voice_consent": True, **options},
    }


def a_clone_job(engine: Any, settings: Settings, talk: Path, *languages: str, **options: Any) -> Claim:
    """Such a job, claimed."""
    seconds = soundfile.info(talk).duration
    return order(engine, settings, talk, *(languages or ("es",)), seconds=seconds, **wishes(seconds, **options))


def run(engine: Any, settings: Settings, held: Claim) -> Job:
    pipeline.run(work.load(settings, engine, held))
    with transaction(engine) as session:
        return session.get_one(Job, held.job_id)


def rows(engine: Any) -> list[ClonedVoice]:
    with transaction(engine) as session:
        return list(session.scalars(select(ClonedVoice)))


def over(engine: Any, job_id: Any) -> None:
    """The job ends as a killed one does: nobody cleans up behind it."""
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.job_id == job_id).values(status="FAILED"))


@BOTH
def test_one_clone_a_speaker_speaks_all_languages_and_is_deleted_at_the_end(
    engine, cloning, server, provider, talk, tmp_path
):
    held = a_clone_job(engine, cloning, talk, "es", "fr")
    server.plan(ROUTES[provider][0], status(503), CUT)  # the second makes the voice, and its answer is lost
    job = run(engine, cloning, held)
    assert [(dub.status, dub.error_message) for dub in job.dubs] == [("COMPLETED", None)] * 2
    assert server.calls(ROUTES[provider][0]) == 2
    assert len(there(server, provider)) == 1
    said = report(engine, cloning, held, tmp_path)
    assert {line["voice"] for line in said["lines"]} == {f"clone:{rows(engine)[0].reference[:16]}"}
    with transaction(engine) as session:
        assert not clones.left_over(session, new_id())
    assert cloned_voices.end(cloning, engine, held.job_id) == 1
    assert there(server, provider) == []
    assert rows(engine) == []
    spoken = server.calls(ROUTES[provider][1])
    second = another(engine, cloning, held)
    assert run(engine, cloning, second).status == "COMPLETED"
    assert server.calls(ROUTES[provider][0]) == 2, "the lines are known by what the voice was made of: none is needed"
    assert server.calls(ROUTES[provider][1]) == spoken


@BOTH
def test_what_a_crash_left_is_swept(engine, cloning, server, provider, talk):
    """Before the answer was noted (the row has no voice yet) and after; a job that goes on keeps its clone."""
    held = a_clone_job(engine, cloning, talk)
    cloner = chain.voice_cloning(cloning)
    assert cloner is not None
    with transaction(engine) as session:
        noted = clones.note(session, held, provider, "one").id, clones.note(session, held, provider, "two").id
    sample = [_sample(talk)]
    lost = cloner.clone(names.name(cloning, noted[0]), sample, "en")
    assert cloner.clone(names.name(cloning, noted[0]), sample, "en") == lost, "an answer that got lost is found by name"
    voice = cloner.clone(names.name(cloning, noted[1]), sample, "en")
    with transaction(engine) as session:
        assert clones.made(session, noted[1], voice)
        assert clones.note(session, held, provider, "two").voice_id == voice
    assert cloned_voices.sweep_in_child(engine) == 0
    assert cloned_voices.sweep(cloning, engine) == 0
    assert len(there(server, provider)) == 2
    over(engine, held.job_id)
    command = [sys.executable, "-m", "worker.cloned_voices"]
    subprocess.run(command, env=environment(cloning), cwd=ROOT, check=True, capture_output=True)
    assert there(server, provider) == []
    assert rows(engine) == []


def _sample(talk: Path):
    from worker.engines.protocols import Sound

    samples, rate = soundfile.read(talk, dtype="float32")
    return Sound(samples, rate)


def test_a_clone_that_cannot_be_deleted_is_remembered(engine, cloning, server, provider, talk):
    held, cloner = a_clone_job(engine, cloning, talk), chain.voice_cloning(cloning)
    assert cloner is not None
    with transaction(engine) as session:
        noted = clones.note(session, held, provider, "one").id
    cloner.clone(names.name(cloning, noted), [_sample(talk)], "en")
    over(engine, held.job_id)
    server.plan("elevenlabs_delete_voice", *[status(500)] * cloning.engine_attempts)
    assert cloned_voices.end(cloning, engine, held.job_id) == 0
    assert len(rows(engine)) == len(there(server, provider)) == 1
    assert cloned_voices.sweep(cloning, engine) == 1
    assert there(server, provider) == rows(engine) == []


def test_a_clone_that_is_being_deleted_is_not_used_by_a_job_that_goes_on(engine, cloning, server, provider, talk):
    held, cloner, sample = a_clone_job(engine, cloning, talk), chain.voice_cloning(cloning), [_sample(talk)]
    assert cloner is not None
    with transaction(engine) as session:
        first = clones.note(session, held, provider, "one").id
    voice = cloner.clone(names.name(cloning, first), sample, "en")
    with transaction(engine) as session:
        clones.made(session, first, voice)
        assert not clones.doom(session, first), "its job is under way"
    over(engine, held.job_id)
    with transaction(engine) as session:
        assert clones.doom(session, first)
        assert not clones.doom(session, new_id())
        assert not clones.made(session, first, voice), "whoever made it late deletes it"
    with transaction(engine) as session:  # the job goes on before the provider has answered
        session.execute(update(Job).where(Job.job_id == held.job_id).values(status="PROCESSING"))
    with transaction(engine) as session:
        again = clones.note(session, held, provider, "one")
    assert (again.id != first, again.voice_id) == (True, None)
    assert cloned_voices.sweep(cloning, engine) == 1
    assert there(server, provider) == []
    assert [row.id for row in rows(engine)] == [again.id]


def test_a_job_whose_last_look_found_it_over_keeps_its_clone_when_it_goes_on(
    engine, cloning, server, provider, talk, monkeypatch
):
    """It was over when the sweep read the rows, and is under way when the voice is to go."""
    held, cloner = a_clone_job(engine, cloning, talk), chain.voice_cloning(cloning)
    assert cloner is not None
    with transaction(engine) as session:
        noted = clones.note(session, held, provider, "one").id
    voice = cloner.clone(names.name(cloning, noted), [_sample(talk)], "en")
    with transaction(engine) as session:
        clones.made(session, noted, voice)
    monkeypatch.setattr(clones, "left_over", lambda session, *_: clones.known(session))
    assert cloned_voices.sweep(cloning, engine) == 0
    assert len(there(server, provider)) == len(rows(engine)) == 1


@BOTH
def test_strays_go_and_other_installations_stay(engine, cloning, make_settings, server, provider, talk):
    cloner, sample = chain.voice_cloning(cloning), [_sample(talk)]
    assert cloner is not None
    cloner.clone(names.name(cloning, new_id()), sample, "en")
    cloner.clone(names.name(make_settings(s3_bucket="another"), new_id()), sample, "en")
    held = a_clone_job(engine, cloning, talk)
    with transaction(engine) as session:
        noted = clones.note(session, held, provider, "in flight").id
    cloner.clone(names.name(cloning, noted), sample, "en")
    assert cloned_voices.sweep_strays(cloning, engine) == 1
    assert len(there(server, provider)) == 2


def test_who_says_too_little_gets_another_voice_and_is_reported(engine, cloning, server, provider, talk, tmp_path):
    lines = (GivenLine("Hello there.", 0.0, 3.0, "Ana"), GivenLine("Hi.", 4.0, 6.0, "Ana"))
    held = order(
        engine, cloning, talk, seconds=soundfile.info(talk).duration,
        source_transcript=GivenTranscript(lines).to_dict(), options={"voices": CLONED, "voice_consent": True},
    )  # fmt: skip
    assert run(engine, cloning, held).status == "COMPLETED"
    said = report(engine, cloning, held, tmp_path)
    assert "clone_too_little_speech" in [warning["code"] for warning in said["warnings"]]
    assert all(line["voice"].startswith(f"{provider}:") for line in said["lines"])
    assert server.calls(ROUTES[provider][0]) == 0


def test_nothing_is_cloned_without_consent(engine, cloning, server, provider, talk):
    held = a_clone_job(engine, cloning, talk, voice_consent=False)
    job = run(engine, cloning, held)
    assert (job.status, job.error_code) == ("FAILED", "voice_consent_required")
    assert server.calls(ROUTES[provider][0]) == 0


def test_a_clone_that_nobody_wants_any_more_is_deleted_at_once(engine, cloning, server, provider, talk, monkeypatch):
    """The job was taken away and its rows swept while the provider worked."""
    held = a_clone_job(engine, cloning, talk)
    running = work.load(cloning, engine, held)
    made = clones.made

    def swept_meanwhile(session, clone_id, voice_id):
        clones.gone(session, clone_id)
        return made(session, clone_id, voice_id)

    monkeypatch.setattr(clones, "made", swept_meanwhile)
    with pytest.raises(LeaseLostError):
        pipeline.run(running)
    assert there(server, provider) == []


def test_a_provider_that_stays_away_is_trouble_that_may_pass(engine, cloning, server, provider, talk):
    held = a_clone_job(engine, cloning, talk)
    server.plan(ROUTES[provider][0], *[status(503)] * 3 * cloning.engine_attempts)
    with pytest.raises(TransientError):
        run(engine, cloning, held)
    assert server.calls(ROUTES[provider][0]) == cloning.engine_attempts, "once for all lines that wait for it"
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(ClonedVoice)) == 1


@pytest.mark.parametrize("trouble", [(), (status(503),)])
def test_a_protected_voice_is_not_cloned(cloning, server, provider, talk, trouble):
    cloner = chain.voice_cloning(cloning)
    assert cloner is not None
    server.plan("elevenlabs_delete_voice", *trouble)
    with pytest.raises(PermanentError) as refused:
        cloner.clone("onevoice-protected", [_sample(talk)], "en")
    assert refused.value.code == "cloning_refused"
    assert len(there(server, provider)) == len(trouble)  # then it is for the sweep


def test_a_worker_clones_and_nothing_is_left(start_bench, server, provider, talk):
    """A job from its claim to its end; and one that ended without its process: canceled, killed, given up."""
    bench = start_bench(**server.settings(), speech_synthesis=("elevenlabs",), engine_first_wait_seconds=0.01)
    bench.clip = talk
    seconds = soundfile.info(talk).duration
    job_id = bench.job(seconds=seconds, **wishes(seconds))
    cloner, clone_id, other_id = chain.voice_cloning(bench.settings), new_id(), bench.job(wake=False, seconds=seconds)
    assert cloner is not None
    assert bench.ended(job_id, 120).status == "COMPLETED"
    assert server.calls("elevenlabs_clone") == 1
    voice = cloner.clone(names.name(bench.settings, clone_id), [_sample(talk)], "en")
    with transaction(bench.engine) as session:
        session.add(ClonedVoice(id=clone_id, job_id=other_id, provider=provider, reference="one", voice_id=voice))
    over(bench.engine, other_id)
    until(lambda: not rows(bench.engine), 90, "the sweep")
    assert there(server, provider) == []
