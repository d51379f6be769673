"""Publish what this installation's engines can do: `python -m worker.capabilities`.

In a process of its own, so that loading engines never holds up the worker's HTTP process.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from shared import languages, limited, log
from shared.config import ENGINE_SLOTS, Settings, settings_or_exit
from shared.db import make_engine, transaction
from shared.errors import PipelineError, TransientError
from shared.voice import Voice
from worker.engines import chain
from worker.engines.chain import SpeechSynthesisChain
from worker.engines.protocols import SpeechSynthesiser

LONGEST_SECONDS = 120
# For the providers to say which voices they have, all at once
VOICES_SECONDS = 60.0
logger = log.get(__name__)


def publish_in_child() -> None:
    """Run this module in a child process. Raises TransientError when it does not succeed."""
    command = limited.command([sys.executable, "-m", __name__], limited.Limits())
    try:
        subprocess.run(command, check=True, timeout=LONGEST_SECONDS, stdin=subprocess.DEVNULL)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise TransientError("engines_unknown", f"The engines could not say what they can do: {error}") from error


def main() -> None:
    """Ask each slot's engines and write the answers."""
    settings = settings_or_exit()
    log.configure(settings.log_file)
    engine = make_engine(settings, pool_size=1)
    with transaction(engine) as session:
        last = languages.published(session)
    slots = collect(settings, last)
    with transaction(engine) as session:
        languages.publish(session, slots)
    logger.info("capabilities published", slots={slot: item["engines"] for slot, item in slots.items()})


def collect(settings: Settings, last: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the configured engines can do together, by slot, as shared.languages publishes and reads it.

    A provider that does not say which voices it has keeps those of `last`, the form published before. Raises
    SettingsError.
    """
    recognisers, cloner = chain.speech_recognition(settings), chain.voice_cloning(settings)
    details: dict[str, dict[str, Any]] = {
        "speech_recognition": {
            "languages": sorted(recognisers.languages),
            "detects_language": recognisers.detects_language,
        },
        "forced_alignment": {"languages": sorted(chain.forced_alignment(settings).languages)},
        "translation": {"pairs": sorted(map(list, chain.translation(settings).pairs()))},
        "speech_synthesis": {
            "voices": _voices(settings, last.get("speech_synthesis", {})),
            "cloned": sorted(cloner.languages) if cloner else [],
        },
        "source_separation": {},
    }
    return {slot: {"engines": list(settings.engines(slot)), **details[slot]} for slot in ENGINE_SLOTS}


def _voices(settings: Settings, last: dict[str, Any]) -> list[dict[str, Any]]:
    """All engines' voices, in their order; all are asked at once."""
    speakers = chain.speech_synthesis(settings)
    answers: dict[str, tuple[Voice, ...]] = {}
    threads = [
        threading.Thread(target=_ask, args=[speakers, engine, answers], daemon=True) for engine in speakers.engines
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + VOICES_SECONDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    known = (answers.get(engine.name, languages.voices_of(last, engine.name)) for engine in speakers.engines)
    return languages.voice_document(voice for voices in known for voice in voices)


def _ask(speakers: SpeechSynthesisChain, engine: SpeechSynthesiser, answers: dict[str, tuple[Voice, ...]]) -> None:
    try:
        voices = speakers.voices_of(engine)
    except PipelineError as error:
        logger.warning("voices unknown", engine=engine.name, code=error.code, message=error.message)
        return
    if voices is not None:
        answers[engine.name] = voices


if __name__ == "__main__":
    main()
