"""What accounts leave behind and nobody needs any more."""

from sqlalchemy.orm import Session

from shared.accounts import attempts, one_time, sessions, sign_up
from shared.config import Settings


def forget(session: Session, settings: Settings) -> int:
    """Forget sign-ups, links, sessions and counts whose time is over; how many rows."""
    return (
        sign_up.expire(session)
        + one_time.expire(session)
        + attempts.expire(session)
        + sessions.expire(session, settings)
    )
