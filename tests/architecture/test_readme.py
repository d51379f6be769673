"""README.md tells the truth about the tree, the targets and the settings."""

import re
import subprocess
from pathlib import Path

from shared.config import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Known to everyone who opens a repository, so not on the map.
UNMAPPED = {".gitignore", ".ebignore"}


def top_level() -> set[str]:
    """Every name at the top that Git keeps or would keep."""
    arguments = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(arguments, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name.split("/", 1)[0] + ("/" if "/" in name else "") for name in listed if (ROOT / name).exists()}


def test_the_folder_map_is_the_tree() -> None:
    section = README.split("## Where things are\n```\n", 1)[1].split("```", 1)[0]
    assert {line.split()[0] for line in section.splitlines()} == top_level() - UNMAPPED


def test_the_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE)) <= targets
    listed = re.search(r"^Makefile +(.+)$", README, re.MULTILINE)
    assert listed
    assert set(listed[1].split(" | ")) == targets - {"help", "setup"}


def test_the_settings_exist() -> None:
    named = {name.lower() for name in re.findall(r"`ONEVOICE_([A-Z_0-9]+)`", README)}
    assert named <= set(Settings.model_fields)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
