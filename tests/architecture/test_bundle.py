"""The bundle's files against each other: what Elastic Beanstalk would only say at three in the morning."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.periodic import read
from shared.config import Settings

ROOT = Path(__file__).resolve().parents[2]
HOOKS = sorted((ROOT / ".platform/hooks").rglob("*.sh"))
MIGRATE, FONTS = (ROOT / ".platform/hooks" / name for name in ("predeploy/10_migrate.sh", "prebuild/10_fonts.sh"))
COMPILE = ROOT / ".platform/hooks/predeploy/30_compile.sh"
START = ROOT / ".platform/start"
NGINX = ROOT / ".platform/nginx/conf.d/elasticbeanstalk/10_onevoice.conf"


def options(tier: str) -> dict[tuple[str, str], str]:
    rows = json.loads((ROOT / f"infra/{tier}-options.json").read_text())
    assert all(set(row) == {"Namespace", "OptionName", "Value"} and isinstance(row["Value"], str) for row in rows)
    found = {(row["Namespace"], row["OptionName"]): row["Value"] for row in rows}
    assert len(found) == len(rows), "an option is set twice"
    return found


def sqsd(name: str) -> int:
    return int(options("worker")["aws:elasticbeanstalk:sqsd", name])


def number(path: Path, pattern: str) -> float:
    found = re.search(pattern, path.read_text(), re.MULTILINE)
    assert found, f"{path.name} says nothing like {pattern}"
    return float(found[1].replace("_", ""))


def test_time_outs_outermost_longest() -> None:
    job_cap = Settings.model_fields["job_cap_seconds"].default
    deployed = options("worker")["aws:elasticbeanstalk:application:environment", "ONEVOICE_JOB_CAP_SECONDS"]
    order = [
        max(job_cap, float(deployed)),
        number(ROOT / "worker/gunicorn.conf.py", r"^timeout = ([\d_]+)"),
        number(NGINX, r"proxy_read_timeout (\d+)s;"),
        sqsd("InactivityTimeout"),
        sqsd("VisibilityTimeout"),
    ]
    assert order == sorted(set(order)), order
    assert sqsd("InactivityTimeout") <= 36_000
    assert sqsd("VisibilityTimeout") <= 43_200


def test_gunicorn_has_time_to_end_its_children_in_order() -> None:
    graceful = number(ROOT / "worker/gunicorn.conf.py", r"^graceful_timeout = ([\d_]+)")
    hook = ROOT / ".platform/hooks/predeploy/20_stop_in_order.sh"
    assert "KillMode=mixed" in hook.read_text()
    assert number(hook, r"^TimeoutStopSec=(\d+)") > graceful


def test_sqsd_options_are_within_the_daemons_ranges() -> None:
    assert 1 <= sqsd("HttpConnections") <= 100
    assert sqsd("ErrorVisibilityTimeout") >= 30, "a minute of trouble must not use up a queue's receives"
    slots = options("worker")["aws:elasticbeanstalk:application:environment", "ONEVOICE_JOB_SLOTS"]
    assert int(slots) == sqsd("HttpConnections")
    assert options("worker")["aws:elasticbeanstalk:sqsd", "HttpPath"] == "/sqsd/messages"
    assert "MaxRetries" not in {name for _, name in options("worker")}, "only for a queue that EB makes itself"


@pytest.mark.parametrize("tier", ["web", "worker"])
def test_each_environment_says_its_tier(tier: str) -> None:
    assert options(tier)["aws:elasticbeanstalk:application:environment", "ONEVOICE_TIER"] == tier


def test_the_procfile_has_one_web_line_that_execs_gunicorn() -> None:
    line = (ROOT / "Procfile").read_text().strip()
    assert re.fullmatch(r"web:\s*\S[^\n$]*", line), "EB documents no variable expansion there"
    assert line == "web: bash .platform/start"
    assert "\nexec gunicorn " in START.read_text()


@pytest.mark.parametrize("tier", [None, "", "both", "web; true"])
def test_without_a_tier_it_fails_closed(tier: str | None) -> None:
    environment = {"PATH": "/usr/bin:/bin"} | ({} if tier is None else {"ONEVOICE_TIER": tier})
    done = subprocess.run(["bash", START], env=environment, capture_output=True, text=True)
    assert done.returncode == 78
    assert "ONEVOICE_TIER must be web or worker" in done.stderr


def test_cron_yaml_names_tasks_that_exist() -> None:
    names = ["sweep", "capabilities", "housekeeping", "purge", "uploads", "retention", "orphans"]
    assert {task.name: task.url for task in read(ROOT / "cron.yaml")} == {
        name: f"/sqsd/tasks/{name}" for name in [*names, "clones", "stray-clones"]
    }


def test_hooks_run_and_are_clean() -> None:
    scripts = [START, *HOOKS, ROOT / ".ci/run"]
    for path in scripts:
        assert path.stat().st_mode & 0o111, f"{path} lacks its run bit"
        assert path.read_text().startswith("#!/usr/bin/env bash\n")
    shellcheck = Path(sys.executable).parent / "shellcheck"
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("leader", "tier"), [("false", "web"), ("true", "worker"), (None, "web"), ("true", None)])
def test_only_the_web_tiers_leader_migrates(leader: str | None, tier: str | None) -> None:
    given = {"PATH": "/usr/bin:/bin", "EB_IS_COMMAND_LEADER": leader, "ONEVOICE_TIER": tier}
    environment = {name: value for name, value in given.items() if value is not None}
    done = subprocess.run(["bash", MIGRATE], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tier", "there", "dnf_ends", "asked", "said"),
    [
        ("web", 1, 0, False, ""),
        ("worker", 0, 0, False, ""),
        ("worker", 1, 0, True, ""),
        ("worker", 1, 1, True, "drawn"),
    ],
)
def test_workers_get_fonts_and_a_deploy_does_not_fail_for_want_of_them(
    tmp_path: Path, tier: str, there: int, dnf_ends: int, asked: bool, said: str
) -> None:
    for name, ends in {"rpm": there, "dnf": dnf_ends}.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/{name}.asked\nexit {ends}\n')
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ONEVOICE_TIER": tier}
    done = subprocess.run(["bash", FONTS], env=environment, capture_output=True, text=True)
    assert done.returncode == 0
    assert (tmp_path / "dnf.asked").exists() == asked
    assert said in done.stderr if said else not done.stderr


@pytest.mark.parametrize("tier", ["web", None])
def test_only_workers_compile_before_jobs_come(tier: str | None) -> None:
    environment = {"PATH": "/usr/bin:/bin"} | ({"ONEVOICE_TIER": tier} if tier else {})
    done = subprocess.run(["bash", COMPILE], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class _NoDoubles(yaml.SafeLoader):
    pass


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(set(keys)) == len(keys), f"a key is doubled in {keys}"
    return {loader.construct_object(key): loader.construct_object(value, deep=True) for key, value in node.value}


_NoDoubles.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / ".ebextensions").glob("*.config")), ROOT / "cron.yaml"], ids=lambda p: p.name
)
def test_yaml_has_no_doubled_keys_and_only_what_eb_knows(path: Path) -> None:
    document = yaml.load(path.read_text(), _NoDoubles)
    if path.suffix == ".config":
        assert set(document) <= {"option_settings", "Resources", "files", "commands", "container_commands"}
        assert "AWSEBWorkerQueue" not in path.read_text(), "unresolved in a web environment"


def test_a_posts_long_wait_and_the_large_body_are_in_nginx() -> None:
    text = NGINX.read_text()
    block = text[text.index("location /sqsd/") :]
    assert block.index("allow 127.0.0.1;") < block.index("deny all;")
    assert "client_max_body_size" in text
    assert text.count("{") == text.count("}")


def test_requirements_are_full_pins_without_registries() -> None:
    for name in ("requirements.txt", "requirements-gpu.txt", "tests/requirements.txt"):
        lines = (ROOT / name).read_text().splitlines()
        assert lines
        for line in lines:
            assert re.fullmatch(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^\s;]+( ; .+)?", line), line


def test_tests_add_to_the_bundles_pins_and_never_differ() -> None:
    bundle, tests = ((ROOT / name).read_text().splitlines() for name in ("requirements.txt", "tests/requirements.txt"))
    assert set(bundle) <= set(tests)


def test_ebignore_keeps_what_the_tiers_need() -> None:
    ignored = {line.strip("/\n") for line in (ROOT / ".ebignore").read_text().splitlines()}
    needed = {"web", "worker", "shared", ".ebextensions", ".platform", "requirements.txt", "Procfile", "cron.yaml"}
    assert not needed & ignored
