"""How often one network address may ask: counted in this process's memory, beside the counts for each account.

Generous, for many people share an address; what is tried for one account holds across processes and is in
shared/accounts/attempts.py.
"""

import ipaddress
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limit, Limiter, RateLimitExceeded
from werkzeug.middleware.proxy_fix import ProxyFix

from shared.accounts.api_keys import MARK, VISIBLE_BYTES
from shared.accounts.attempts import too_many
from shared.config import Settings
from web.errors import problem

P = ParamSpec("P")
R = TypeVar("R")

# Answers of 401 to what looks like an API key: who guesses keys is not one who uses them.
WRONG_KEYS = "30 per minute"
# What one key may do: twenty jobs watched every two seconds, and twice as much besides.
KEY_USE = "1800 per minute"
KEPT_BITS = {4: 32, 6: 64}


def limited(limits: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let an address call a view only so often, as in `10 per minute; 60 per hour`; beyond it 429."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.limits = limits  # type: ignore[attr-defined]
        return view

    return mark


def register(app: Flask, settings: Settings) -> None:
    """Count the calls of `app`; to be registered behind the log and before the guard."""
    if settings.trusted_proxies:
        # Only what our own proxies added to X-Forwarded-For counts: what comes before it, anybody may have written.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    limiter = Limiter(
        _address,
        app=app,
        default_limits=[Limit(_limits)],
        application_limits=[
            ApplicationLimit(WRONG_KEYS, exempt_when=_has_no_key, deduct_when=_is_refused),
            ApplicationLimit(KEY_USE, key_function=_key, exempt_when=_has_no_key),
        ],
        strategy="moving-window",
        storage_uri="memory://",
    )
    limiter.request_filter(_is_unlimited)
    app.register_error_handler(RateLimitExceeded, _exceeded)


def _is_unlimited() -> bool:
    """Most requests are, and the library need not find that out limit by limit."""
    return _has_no_key() and not _limits()


def _limits() -> str:
    """Those of the view that is about to answer; none where it has no mark."""
    marked: str = getattr(current_app.view_functions.get(request.endpoint or ""), "limits", "")
    return marked


def _address() -> str:
    """Who is counted: an IPv4 address, or the network that one customer has of IPv6."""
    try:
        given = ipaddress.ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return "unknown"
    plain = getattr(given, "ipv4_mapped", None) or given
    return str(ipaddress.ip_network(f"{plain}/{KEPT_BITS[plain.version]}", strict=False))


def _has_no_key() -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() != "bearer" or not token.startswith(MARK)


def _key() -> str:
    """Which API key asks: what of it may be seen."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    return token[: len(MARK) + 2 * VISIBLE_BYTES]


def _is_refused(answer: Response) -> bool:
    return answer.status_code == 401


def _exceeded(_: RateLimitExceeded) -> Response:
    limiter: Limiter = next(iter(current_app.extensions["limiter"]))
    limit = limiter.current_limit
    return problem(too_many(max(1, round(limit.reset_at - time.time())) if limit else 60))
