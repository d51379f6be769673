"""The floor of the web tier: Flask, psycopg and PyJWT by hand, the same SQL and the same JSON, and nothing else.

`gunicorn --config web/gunicorn.conf.py bench.gauge.bare:app`, with the web tier's own environment.
"""

import hashlib
import threading
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import jwt
import psycopg
import uuid_utils.compat
from flask import Flask, Response, jsonify, request
from flask.json.provider import DefaultJSONProvider
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from shared.config import settings_or_exit
from shared.db import engine_options
from shared.dubbing.request import Request
from shared.queue import Queue

Row = dict[str, Any]

settings = settings_or_exit()
queue = Queue(settings)
address = settings.database_url.get_secret_value().replace("+psycopg", "", 1)
secret = settings.jwt_secret.get_secret_value()
held = threading.local()

KNOWN = """select users.id, role from users join sessions on sessions.user_id = users.id
    where users.id = %s and sessions.id = %s and revoked_at is null and expires_at > now()
    and disabled_at is null and users.deleted_at is null"""
JOB = """job_id, user_id, video_id, status, progress, stage, estimated_end_at, attempt, round, error_code,
    error_message, source_language, options, webhook_url, original_s3_path, result_s3_path, created_at, started_at,
    completed_at, expires_at"""
DUB = "language, status, stage, progress, round, error_code, error_message, result_s3_path, completed_at"
DUBS = ", ".join(f"dubs.{name} as dub_{name}" for name in DUB.split(", "))
JOBS = ", ".join(f"jobs.{name.strip()}" for name in JOB.split(","))
FIND = f"""select {JOBS}, {DUBS} from jobs left join dubs on dubs.job_id = jobs.job_id
    where jobs.job_id = %s and user_id = %s and deleted_at is null order by position"""
LIST = f"""select {JOBS}, {DUBS} from (select {JOB} from jobs where user_id = %s and deleted_at is null
    order by job_id desc limit %s) as jobs left join dubs on dubs.job_id = jobs.job_id
    order by jobs.job_id desc, position"""
KEEP = """select status, duration_seconds, has_video,
    (select count(*) from jobs where user_id = %s and status in ('PENDING', 'PROCESSING')) as live_jobs,
    (select array_agg(published_at order by slot) from engine_capabilities) as versions
    from videos where id = %s and user_id = %s and deleted_at is null for share of videos"""
NEW_JOB = f"""insert into jobs (job_id, user_id, video_id, status, progress, source_language, source_transcript,
    options, original_s3_path, webhook_url, round, wakes, attempt, crashes, transient_failures)
    values (%s, %s, %s, 'PENDING', 0, %s, %s, %s, %s, %s, 1, 0, 0, 0, 0) returning {JOB}"""
NEW_DUB = f"""insert into dubs (id, job_id, position, language, status, transcript, round, progress)
    values (%s, %s, %s, %s, 'PENDING', %s, 1, 0) returning {DUB}"""
NOTE = "insert into activity (id, user_id, kind, details, user_agent, ip) values (%s, %s, 'job_created', %s, %s, %s)"
STAMP = """update jobs set wake_sent_at = now(), wakes = wakes + 1 where job_id = %s
    and (status = 'PENDING' or status = 'PROCESSING' and lease_until <= now())"""


class Json(DefaultJSONProvider):
    """Times as the web tier writes them, and keys in the order they were given."""

    sort_keys = False
    compact = True

    @staticmethod
    def default(o: Any) -> Any:
        """A time or an id as text."""
        if isinstance(o, datetime):
            return o.isoformat().replace("+00:00", "Z")
        return str(o) if isinstance(o, UUID) else DefaultJSONProvider.default(o)


app = Flask(__name__)
app.json = Json(app)


def connection() -> "psycopg.Connection[Row]":
    """This thread's own; a pool could only cost more."""
    if not hasattr(held, "connection"):
        options = engine_options()["connect_args"]["options"]
        held.connection = psycopg.connect(address, autocommit=True, row_factory=dict_row, options=options)
    found: psycopg.Connection[Row] = held.connection
    return found


def asking() -> UUID:
    """The user of the token, who has to be there and not disabled, and whose session has to be on."""
    token = request.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, secret, algorithms=["HS256"], issuer="onevoice")
    found = connection().execute(KNOWN, (UUID(claims["sub"]), UUID(claims["sid"]))).fetchone()
    if found is None:
        raise LookupError
    user: UUID = found["id"]
    return user


@app.post("/dubbing-jobs")
def create() -> tuple[Response, int]:
    """The order, written with its dubs and called out to the queue."""
    user, wanted = asking(), request.get_json()
    job_id, video_id = uuid_utils.compat.uuid7(), UUID(wanted["video_id"])
    # All that the web tier keeps of an order that asks for nothing else.
    options = Request(target_languages=tuple(wanted["target_languages"])).options
    run = connection().execute
    with connection().transaction():
        run(
            "select id from users where id = %s and disabled_at is null and deleted_at is null for no key update",
            (user,),
        )
        run(KEEP, (user, video_id, user)).fetchone()
        original = f"s3://{settings.s3_bucket}/originals/{video_id}"
        given = (job_id, user, video_id, wanted["source_language"], None, Jsonb(options), original, None)
        job = run(NEW_JOB, given).fetchone()
        languages = enumerate(wanted["target_languages"])
        dubs = [run(NEW_DUB, (uuid_utils.compat.uuid7(), job_id, *dub, None)).fetchone() for dub in languages]
        details = Jsonb({"job_id": str(job_id), "video_id": str(video_id)})
        run(NOTE, (uuid_utils.compat.uuid7(), user, details, "Unknown", "127.0.0.0/24"))
    queue.wake(job_id)
    run(STAMP, (job_id,))
    return jsonify(document(job or {}, [dub or {} for dub in dubs], "")), 202


@app.get("/dubbing-jobs")
def listed() -> Response:
    """The newest jobs, 20 of them."""
    user, limit = asking(), request.args.get("limit", 20, type=int)
    rows = connection().execute(LIST, (user, limit + 1)).fetchall()
    jobs = [list(group) for _, group in groupby(rows, key=itemgetter("job_id"))]
    items = [document(own[0], own) for own in jobs[:limit]]
    return jsonify({"items": items, "next_cursor": str(items[-1]["job_id"]) if len(jobs) > limit else None})


@app.get("/dubbing-jobs/<uuid:job_id>")
def status(job_id: UUID) -> Response:
    """One job, or 304."""
    rows = connection().execute(FIND, (job_id, asking())).fetchall()
    tag = f'W/"{hashlib.blake2b(repr(rows).encode(), digest_size=16).hexdigest()}"'
    answer = Response(status=304) if request.headers.get("If-None-Match") == tag else jsonify(document(rows[0], rows))
    answer.headers["ETag"] = tag
    return answer


def document(job: Row, dubs: list[Row], prefix: str = "dub_") -> Row:
    """A job as JSON; `prefix` is what the dubs' columns begin with."""
    return {
        "job_id": job["job_id"],
        "video_id": job["video_id"],
        "status": job["status"],
        "progress": job["progress"],
        "stage": job["stage"],
        "eta_seconds": _eta(job),
        "attempt": job["attempt"],
        "round": job["round"],
        "error": _error(job),
        "source_language": job["source_language"],
        "dubs": [
            {
                "language": dub[prefix + "language"],
                "status": dub[prefix + "status"],
                "stage": dub[prefix + "stage"],
                "progress": dub[prefix + "progress"],
                "round": dub[prefix + "round"],
                "error": _error(dub, prefix),
                "result_s3_path": dub[prefix + "result_s3_path"],
                "completed_at": dub[prefix + "completed_at"],
            }
            for dub in dubs
        ],
        "range": job["options"].get("range"),
        "preview": bool(job["options"].get("preview")),
        "webhook_url": job["webhook_url"],
        "original_s3_path": job["original_s3_path"],
        "result_s3_path": job["result_s3_path"],
        "created_at": job["created_at"],
        "started_at": job["started_at"],
        "completed_at": job["completed_at"],
        "expires_at": job["expires_at"],
    }


def _eta(job: Row) -> float | None:
    end = job["estimated_end_at"]
    return None if end is None else max(0.0, (end - datetime.now(UTC)).total_seconds())


def _error(row: Row, prefix: str = "") -> Row | None:
    code = row[f"{prefix}error_code"]
    return {"code": code, "message": row[f"{prefix}error_message"]} if code else None
