"""Which mails one wants; and out of one kind of them by a link, without signing in."""

from urllib.parse import quote

from flask import Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from shared.accounts import profile, unsubscribe
from shared.accounts.activity import Kind
from shared.models import NotificationPreferences
from web.accounts.profile_schemas import NotificationChange, Notifications, Unsubscribed, UnsubscribePath
from web.auth import public, session_only, user_id
from web.client import client
from web.neighbours import neighbours, transaction
from web.openapi import reply, resource

own_notifications = resource("notifications", __name__, session_only=True)
unsubscribing = resource("unsubscribe", __name__, public_routes=True)
TO_THE_PAGE = {"description": "The page's address is in `Location`."}
THE_PAGE = {"description": "The page, for who follows.", "content": {"text/html": {"schema": {"type": "string"}}}}


@own_notifications.get("/users/me/notifications", responses={200: Notifications})
@session_only
def read_notifications() -> Response:
    """Which mails you want."""
    with transaction() as session:
        return reply(_body(profile.notifications(session, user_id())))


@own_notifications.patch("/users/me/notifications", responses={200: Notifications})
@session_only
def change_notifications(body: NotificationChange) -> Response:
    """Choose which mails you want."""
    choices = body.model_dump(exclude_unset=True)
    with transaction() as session:
        return reply(_body(profile.choose(session, user_id(), choices, client(), Kind.NOTIFICATIONS_CHANGED)))


@unsubscribing.post("/unsubscribe/<token>", responses={200: Unsubscribed})
@public
def unsubscribe_topic(path: UnsubscribePath) -> Response:
    """Have no more mails of the kind that the link is for; mail programs post here by themselves (RFC 8058).

    Whatever the body is, it is not looked at. Done twice it is done. 422 `token_invalid`.
    """
    user, topic = unsubscribe.redeem(neighbours().settings, path.token)
    with transaction() as session:
        unsubscribe.turn_off(session, user, topic)
    return reply(Unsubscribed(topic=topic))


@unsubscribing.get("/unsubscribe/<token>", responses={302: TO_THE_PAGE, 200: THE_PAGE})
@public
def unsubscribe_link(path: UnsubscribePath) -> AnyResponse:
    """Where a mail program that does not post leads its reader: to the page that does. It changes nothing."""
    return redirect(f"/app/unsubscribe/{quote(path.token, safe='')}")


def _body(row: NotificationPreferences) -> Notifications:
    return Notifications.model_validate(row, from_attributes=True)
