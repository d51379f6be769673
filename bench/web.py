"""How much the web tier costs: requests a second beside a bare Flask and psycopg handler that does the same.

Both run as one gunicorn process with the web tier's own settings, on the same database, in turns; the bare one does the
same SQL and gives the same JSON, which is checked. Then how long the web process takes to start, and its memory.
Nothing is asserted but that the answers agree.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import psutil
from pydantic import SecretStr

from bench.gauge.load import Call, rate
from bench.gauge.memory import pss_bytes
from bench.gauge.site import Site, site
from bench.gauge.table import mib, setting, table
from local.processes import ROOT, Child, StackError
from local.stack import stop_on_signals
from web.signing import key_id

PACKAGES = ("flask", "flask-openapi3", "gunicorn", "psycopg", "pydantic", "sqlalchemy")
WEB = ["bash", ".platform/start"]
BARE = ["gunicorn", "--config", "web/gunicorn.conf.py", "--bind", "127.0.0.1:{port}", "bench.gauge.bare:app"]
HEAD = ("request", "web /s", "bare /s", "ratio", "web CPU", "bare CPU", "ratio", "what it is")
STARTS = 5
# What only one of the two says: cursors are signed, and two moments are never the same.
OWN = ("next_cursor", "job_id", "created_at")


def headers_of(site: Site, number: int) -> dict[str, str]:
    """A user's access token, as the web tier would make it."""
    now = datetime.now(UTC)
    owner = site.owners[number]
    claims = {"sub": str(owner.user_id), "sid": str(owner.session_id), "iss": "onevoice", "iat": now, "nbf": now,
              "type": "access", "fresh": False, "jti": str(number), "exp": now + timedelta(hours=12)}  # fmt: skip
    headers = {"kid": key_id(SecretStr(site.jwt_secret))}
    return {"Authorization": f"Bearer {jwt.encode(claims, site.jwt_secret, 'HS256', headers)}"}


def workload(site: Site, url: str) -> dict[str, tuple[str, list[Call]]]:
    """The requests by name: what each is, and one call for each user."""
    found: dict[str, tuple[str, list[Call]]] = {
        "create": ("POST /dubbing-jobs, with its wake-up call", []),
        "status": ("GET /dubbing-jobs/{id}", []),
        "status, 304": ("the same with If-None-Match", []),
        "list": ("GET /dubbing-jobs, 20 of 30", []),
    }
    for number, owner in enumerate(site.owners):
        headers, path = headers_of(site, number), f"/dubbing-jobs/{owner.job_ids[0]}"
        order = {"video_id": str(owner.video_id), "source_language": "en", "target_languages": ["es"]}
        tag = httpx.get(url + path, headers=headers, trust_env=False).raise_for_status().headers["ETag"]
        json_type = {"Content-Type": "application/json"}
        found["create"][1].append(Call("POST", "/dubbing-jobs", 202, headers | json_type, json.dumps(order).encode()))
        found["status"][1].append(Call("GET", path, 200, headers))
        found["status, 304"][1].append(Call("GET", path, 304, headers | {"If-None-Match": tag}))
        found["list"][1].append(Call("GET", "/dubbing-jobs", 200, headers))
    return found


def agree(site: Site, urls: list[str]) -> None:
    """Raises RuntimeError when the two servers do not answer the same."""
    for name, (_, calls) in workload(site, urls[0]).items():
        call = calls[0]
        if call.expected == 304:
            continue
        answers = [
            httpx.request(call.method, url + call.path, headers=call.headers, content=call.body, trust_env=False)
            for url in urls
        ]
        web, bare = (_comparable(answer) for answer in answers)
        if web != bare:
            raise RuntimeError(f"{name}: the web tier answers {web}, the bare handler {bare}")


def _comparable(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    return answer.status_code, {key: value for key, value in answer.json().items() if key not in OWN}


def measure(site: Site, rounds: int, seconds: float) -> str:
    """Both servers under load, in turns, as a table; CPU is of the process that answers, in milliseconds a request."""
    with ExitStack() as open_:
        servers = [open_.enter_context(site.served(name, command)) for name, command in (("web", WEB), ("bare", BARE))]
        urls, workers = [url for url, _ in servers], [_worker(child) for _, child in servers]
        agree(site, urls)
        loads = [workload(site, url) for url in urls]
        rows = []
        for name, (what, _) in loads[0].items():
            rates: list[list[float]] = [[], []]
            costs: list[list[float]] = [[], []]
            for turn in range(rounds):
                for server in (0, 1) if turn % 2 else (1, 0):
                    site.forget_new_jobs()
                    before = _cpu_seconds(workers[server])
                    rates[server].append(rate(urls[server], loads[server][name][1], seconds))
                    spent = _cpu_seconds(workers[server]) - before
                    costs[server].append(1000 * spent / (rates[server][-1] * seconds))
            (web, bare), (spent_web, spent_bare) = (map(statistics.median, both) for both in (rates, costs))
            faster = (f"{web:.0f}", f"{bare:.0f}", f"{web / bare:.2f}")
            cheaper = (f"{spent_web:.2f}", f"{spent_bare:.2f}", f"{spent_bare / spent_web:.2f}")
            rows.append((name, *faster, *cheaper, what))
    return table(f"medians of {rounds} rounds of {seconds:g} s, 4 connections, one process each", HEAD, rows)


def _worker(server: Child) -> psutil.Process:
    """The process that answers."""
    gunicorn = psutil.Process(server.pid)
    while "gunicorn" not in " ".join(gunicorn.cmdline()) or not gunicorn.children():
        gunicorn = gunicorn.children()[0]
    return gunicorn.children()[0]


def _cpu_seconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


def start(site: Site) -> str:
    """How long a web process takes until it answers, what of that is importing, and its memory, as a table."""
    began, waits, sizes = 0.0, [], (0, 0)
    for _ in range(STARTS):
        began = time.perf_counter()
        with site.served("web", WEB) as (_, child):
            waits.append(time.perf_counter() - began)
            sizes = _sizes(child)
    rows = [
        ("imports and create_app", f"{statistics.median(_imports(site) for _ in range(STARTS)):.2f} s",
         "a fresh Python, web.wsgi imported"),
        ("until it answers", f"{statistics.median(waits):.2f} s", "gunicorn and one worker process; seen every 0.1 s"),
        ("memory of the worker process", f"{mib(sizes[0])} MiB", "PSS, after the first request"),
        ("memory of gunicorn's own", f"{mib(sizes[1])} MiB", "PSS"),
    ]  # fmt: skip
    return table(f"one web process, medians of {STARTS}", ("start", "", "what it is"), rows)


def _imports(site: Site) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", "import web.wsgi"], cwd=ROOT, env=site.environment, check=True, capture_output=True
    )
    return time.perf_counter() - began


def _sizes(server: Child) -> tuple[int, int]:
    """PSS of the process that answers, and of its parent."""
    worker = _worker(server)
    return pss_bytes(worker.pid), pss_bytes(worker.ppid())


def main() -> int:
    """Measure and print; 1 and one sentence when a server does not start or answers otherwise than it should."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round; default: %(default)s")
    arguments = parser.parse_args()
    stop_on_signals()
    print(setting(1, PACKAGES))
    try:
        with site() as ready:
            print(measure(ready, arguments.rounds, arguments.seconds), flush=True)
            print(start(ready), flush=True)
    except (RuntimeError, StackError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
