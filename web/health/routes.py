"""Is the process up, and can it work."""

from dataclasses import asdict

from flask import Response

from shared import health as machine
from web.auth import public
from web.database import db
from web.health.schemas import Alive, CheckBody, Readiness
from web.neighbours import neighbours
from web.openapi import reply, resource

health = resource("health", __name__, public_routes=True)


@health.get("/health", responses={200: Alive})
@public
def alive() -> Response:
    """The process is up; asks nothing of anyone."""
    return reply(Alive())


@health.get("/health/ready", responses={200: Readiness, 503: Readiness})
@public
def ready() -> Response:
    """Database, bucket, queue, disk, memory and CPU: 503 when one of the first, second or fourth fails."""
    near = neighbours()
    found = machine.checks(db.engine, near.storage, near.queue, near.settings)
    works = machine.is_ready(found)
    checks = {name: CheckBody.model_validate(asdict(check)) for name, check in found.items()}
    return reply(Readiness(ready=works, checks=checks), 200 if works else 503)
