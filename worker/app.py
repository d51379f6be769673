"""The worker's HTTP face, for the daemon on this machine: parse, dispatch, answer."""

from dataclasses import asdict
from ipaddress import ip_address

from flask import Flask, Response, abort, jsonify, request
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from shared import health, log, maintenance
from shared.config import Settings
from shared.errors import TransientError
from shared.maintenance import Task
from shared.queue import MessageError, Queue, parse
from shared.storage import Storage
from worker.supervisor import Answer, Supervisor

logger = log.get(__name__)


def create_app(settings: Settings, engine: Engine, supervisor: Supervisor, tasks: list[Task]) -> Flask:
    """The Flask app; 200 means that the database knows what happens next, anything else brings the message again."""
    app = Flask(__name__)
    by_name = {task.name: task for task in tasks}
    storage, queue = Storage(settings), Queue(settings)
    app.before_request(_only_loopback)

    @app.post("/sqsd/messages")
    def messages() -> tuple[str, int]:
        log.clear()
        log.bind(request_id=request.headers.get("X-Aws-Sqsd-Msgid", ""))
        answer = _answer(supervisor)
        logger.info("message answered", status=answer.status, reason=answer.reason)
        return answer.reason, answer.status

    @app.post("/sqsd/tasks/<name>")
    def run_task(name: str) -> tuple[str, int]:
        task = by_name.get(name) or abort(404)
        try:
            return ("done" if maintenance.run_once(engine, task) else "not due"), 200
        except (DBAPIError, TransientError) as error:
            logger.warning("maintenance failed", task=name, error=str(error))
            return "failed", 503

    @app.get("/health")
    def alive() -> Response:
        return jsonify(status="ok")

    @app.get("/health/ready")
    def ready() -> tuple[Response, int]:
        found = health.checks(engine, storage, queue, settings)
        return jsonify({name: asdict(check) for name, check in found.items()}), 200 if health.is_ready(found) else 503

    return app


def _answer(supervisor: Supervisor) -> Answer:
    try:
        return supervisor.handle(parse(request.get_data()).job_id)
    except MessageError as error:
        logger.warning("unreadable message", error=str(error))
        return Answer(400, str(error))
    except DBAPIError:
        logger.exception("database away")
        return Answer(503, "the database is away")


def _only_loopback() -> None:
    if not ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104 - an address that is refused
        abort(403)
