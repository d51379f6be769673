"""The account's webhook: set, read, remove, rotate its secret; what was told, and telling it again."""

from flask import Response
from sqlalchemy.orm import Session

from shared import egress
from shared.models import WebhookDelivery, WebhookEndpoint
from shared.webhooks import endpoints, outbox
from web import paging
from web.auth import session_only, user_id
from web.idempotency import IdempotencyHeader, once
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource
from web.webhooks.schemas import (
    DeliveryBody,
    DeliveryList,
    DeliveryPath,
    DeliveryQuery,
    DeliveryStatus,
    EndpointBody,
    NewEndpoint,
)

webhooks = resource("webhooks", __name__, session_only=True)


@webhooks.get("/users/me/webhook", responses={200: EndpointBody})
@session_only
def read_webhook() -> Response:
    """The account's webhook and the secret that signs all webhooks, also those of jobs with their own address."""
    with transaction() as session:
        endpoint = endpoints.find(session, user_id())
    return reply(_endpoint(endpoint))


@webhooks.put("/users/me/webhook", responses={200: EndpointBody})
@session_only
def set_webhook(body: NewEndpoint) -> Response:
    """Tell there when a job is over that names no address of its own."""
    url = egress.checked(neighbours().settings, body.url)
    with transaction() as session:
        endpoint = endpoints.put(session, user_id(), url)
    return reply(_endpoint(endpoint))


@webhooks.delete("/users/me/webhook", responses={204: None})
@session_only
def remove_webhook() -> Response:
    """Tell nowhere by default; the secret stays."""
    with transaction() as session:
        endpoints.remove(session, user_id())
    return Response(status=204)


@webhooks.post("/users/me/webhook/secret", responses={200: EndpointBody})
@session_only
def rotate_webhook_secret() -> Response:
    """Make another secret; from now on it signs everything, also what is tried again."""
    with transaction() as session:
        endpoint = endpoints.rotate(session, user_id())
    return reply(_endpoint(endpoint))


@webhooks.post("/users/me/webhook/test", responses={202: DeliveryBody})
@session_only
def ping_webhook(header: IdempotencyHeader) -> Response:
    """Send a `ping` to the account's webhook; the answer is the delivery to watch."""
    return once(header, lambda session: _accepted(outbox.ping(session, user_id())))


@webhooks.get("/users/me/webhook/deliveries", responses={200: DeliveryList})
@session_only
def list_deliveries(query: DeliveryQuery) -> Response:
    """What was told, newest first; kept for 30 days."""
    before = paging.before(query, "deliveries")
    with transaction() as session:
        rows = outbox.listed(
            session, user_id(), limit=query.limit + 1, before=before, status=query.status, job_id=query.job_id
        )
    page, last = paging.split(rows, query)
    cursor = paging.cursor(last.id if last else None, "deliveries")
    return reply(DeliveryList(items=[_delivery(row) for row in page], next_cursor=cursor))


@webhooks.post("/users/me/webhook/deliveries/<uuid:delivery_id>/redeliver", responses={202: DeliveryBody})
@session_only
def redeliver(path: DeliveryPath, header: IdempotencyHeader) -> Response:
    """Tell the same once more, as a new delivery."""

    def create(session: Session) -> Response:
        return _accepted(outbox.redeliver(session, user_id(), path.delivery_id))

    return once(header, create)


def _accepted(row: WebhookDelivery) -> Response:
    return reply(_delivery(row), 202)


def _endpoint(endpoint: WebhookEndpoint) -> EndpointBody:
    return EndpointBody(url=endpoint.url, secret=endpoint.secret, created_at=endpoint.created_at)


def _delivery(row: WebhookDelivery) -> DeliveryBody:
    status = DeliveryStatus(row.status)
    return DeliveryBody(
        delivery_id=row.id,
        job_id=None if row.job_id == outbox.NO_JOB else row.job_id,
        event=row.event,
        url=row.url,
        status=status,
        attempts=row.attempts,
        response_status=row.response_status,
        error=row.error,
        created_at=row.created_at,
        last_attempt_at=row.last_attempt_at,
        next_attempt_at=row.next_attempt_at if status is DeliveryStatus.PENDING else None,
        delivered_at=row.delivered_at,
    )
