"""From where the current request comes."""

from flask import request

from shared.accounts.client import Client


def client() -> Client:
    """The request's coarse user agent and address; behind proxies, the address that ProxyFix has found."""
    return Client.of(request.user_agent.string, request.remote_addr or "")
