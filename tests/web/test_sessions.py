"""Sessions: refreshed, seen, ended; old tokens that come again; two tabs at once."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_jwt_extended import create_access_token, decode_token
from sqlalchemy import Engine, func, select, text, update

from shared.accounts import sessions
from shared.config import Settings
from shared.db import transaction
from shared.models import Activity, RefreshToken, User, UserSession, new_id
from tests.web.conftest import PASSWORD, Person

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"


class Tab:
    """A program that is signed in and keeps its tokens."""

    def __init__(self, app: Flask, email: str) -> None:
        self.client = app.test_client()
        answer = self.client.post("/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.json
        self.tokens = answer.json or {}

    def refresh(self, token: str | None = None) -> tuple[int, str | None]:
        answer = self.client.post("/auth/refresh", json={"refresh_token": token or self.tokens["refresh_token"]})
        document = answer.get_json(force=True)
        if answer.status_code == 200:
            self.tokens = document
        return answer.status_code, document.get("code")

    def status(self) -> int:
        return self.client.get("/videos", headers=self.headers).status_code

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def ids(self) -> list[str]:
        items = self.client.get("/users/me/sessions", headers=self.headers).json["items"]  # type: ignore[index]
        return [item["session_id"] for item in items]


@pytest.fixture
def hasty(make_app: Callable[[Settings], Flask], make_settings: Callable[..., Settings]) -> Flask:
    """An application whose grace is over quickly."""
    return make_app(make_settings(refresh_grace_seconds=0.2))


@pytest.fixture
def kinds(engine: Engine) -> Callable[[], list[str]]:
    def read() -> list[str]:
        with transaction(engine) as session:
            return list(session.scalars(select(Activity.kind).order_by(Activity.id)))

    return read


def test_a_refresh_carries_the_session_on(app: Flask, account: str, settings: Settings) -> None:
    tab = Tab(app, account)
    first = tab.tokens
    assert (first["token_type"], first["refresh_expires_in"]) == ("Bearer", settings.refresh_token_seconds)
    assert tab.refresh() == (200, None)
    assert tab.tokens["refresh_token"] != first["refresh_token"]
    assert tab.status() == 200
    with app.app_context():
        before, after = (decode_token(tokens["access_token"]) for tokens in (first, tab.tokens))
    assert (before["sid"], before["sub"], before["role"]) == (after["sid"], after["sub"], "user")
    assert len(tab.ids()) == 1


def test_tokens_are_not_kept_as_they_are(app: Flask, account: str, engine: Engine) -> None:
    token = Tab(app, account).tokens["refresh_token"]
    with transaction(engine) as session:
        assert token not in repr(session.execute(select(RefreshToken.__table__)).all())


def test_an_old_token_that_comes_again_ends_the_session(
    hasty: Flask, account: str, kinds: Callable[[], list[str]]
) -> None:
    tab, other = Tab(hasty, account), Tab(hasty, account)
    stolen = tab.tokens["refresh_token"]
    assert tab.refresh() == (200, None)
    time.sleep(0.3)
    assert tab.refresh(stolen) == (401, "token_reused")
    assert tab.status() == 401
    assert tab.refresh() == (401, "not_authenticated")
    assert tab.refresh(stolen) == (401, "not_authenticated")
    assert (other.status(), other.refresh()) == (200, (200, None))
    assert kinds() == ["signed_in", "signed_in", "tokens_reused"]


def test_a_token_that_comes_again_at_once_gets_a_sibling(app: Flask, account: str) -> None:
    one, other = Tab(app, account), Tab(app, account)
    other.tokens = dict(one.tokens)
    assert (one.refresh(), other.refresh()) == ((200, None), (200, None))
    assert one.tokens["refresh_token"] != other.tokens["refresh_token"]
    assert (one.refresh(), other.refresh()) == ((200, None), (200, None))
    assert (one.status(), other.status()) == (200, 200)


def test_a_used_sibling_that_comes_again_ends_the_session_too(hasty: Flask, account: str) -> None:
    one, other = Tab(hasty, account), Tab(hasty, account)
    other.tokens = dict(one.tokens)
    assert (one.refresh()[0], other.refresh()[0]) == (200, 200)
    sibling = other.tokens["refresh_token"]
    assert other.refresh()[0] == 200
    time.sleep(0.3)
    assert one.refresh(sibling) == (401, "token_reused")
    assert (one.status(), other.status()) == (401, 401)


def waiting_for_locks(engine: Engine) -> int:
    with transaction(engine) as session:
        query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        return session.scalars(text(query)).one()


def test_two_tabs_that_refresh_at_once_stay_signed_in(app: Flask, account: str, engine: Engine) -> None:
    """Both are held where they want the session's lock, so that they really run into each other."""
    tabs = [Tab(app, account) for _ in range(2)]
    tabs[1].tokens = dict(tabs[0].tokens)
    done: list[tuple[int, str | None]] = []
    threads = [threading.Thread(target=lambda tab=tab: done.append(tab.refresh())) for tab in tabs]
    with transaction(engine) as session:
        session.execute(select(UserSession.id).with_for_update()).all()
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while waiting_for_locks(engine) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert done == [(200, None)] * 2
    assert len({tab.tokens["refresh_token"] for tab in tabs}) == 2
    assert [tab.status() for tab in tabs] == [200, 200]
    assert [tab.refresh() for tab in tabs] == [(200, None)] * 2


def test_many_refreshes_at_once_and_again(app: Flask, account: str) -> None:
    first = Tab(app, account)
    for _ in range(5):
        tabs = [Tab.__new__(Tab) for _ in range(4)]
        for tab in tabs:
            tab.client, tab.tokens = app.test_client(), dict(first.tokens)
        at_once = threading.Barrier(len(tabs))
        done: list[int] = []

        def run(tab: Tab, at_once: threading.Barrier = at_once, done: list[int] = done) -> None:
            at_once.wait()
            done.append(tab.refresh()[0])

        threads = [threading.Thread(target=run, args=(tab,)) for tab in tabs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [200] * len(tabs)
        first = tabs[0]
    assert first.status() == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "0" * 200, "é€", "' or 1=1 --"])
def test_a_malformed_refresh_token(client: FlaskClient, token: str) -> None:
    answer = client.post("/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "body", [{"refresh_token": "x" * 201}, {"refresh_token": ""}, {"refresh_token": 1}, {"x": "y"}]
)
def test_a_body_that_is_none(client: FlaskClient, body: dict[str, object]) -> None:
    assert client.post("/auth/refresh", json=body).status_code == 422
    assert client.post("/auth/logout", json=body).status_code == 422


def test_an_access_token_is_no_refresh_token(app: Flask, account: str) -> None:
    tab = Tab(app, account)
    assert tab.refresh(tab.tokens["access_token"][:200]) == (401, "not_authenticated")
    assert tab.client.post("/auth/refresh").status_code == 401
    assert tab.client.post("/auth/refresh", headers=tab.headers).status_code == 401
    as_access = {"Authorization": f"Bearer {tab.tokens['refresh_token']}"}
    assert tab.client.get("/videos", headers=as_access).status_code == 401


@pytest.mark.parametrize("table", [UserSession, RefreshToken])
def test_an_expired_refresh_token_says_so(
    app: Flask, account: str, engine: Engine, settings: Settings, table: type[UserSession | RefreshToken]
) -> None:
    tab = Tab(app, account)
    with transaction(engine) as session:
        past = func.now() - timedelta(seconds=settings.refresh_token_seconds)
        column = "expires_at" if table is UserSession else "created_at"
        session.execute(update(table).values({column: past}))
    assert tab.refresh() == (401, "token_expired")


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at"])
def test_a_user_who_is_gone_refreshes_nothing(app: Flask, account: str, engine: Engine, column: str) -> None:
    tab = Tab(app, account)
    with transaction(engine) as session:
        session.execute(update(User).values({column: func.now()}))
    assert (tab.refresh(), tab.status()) == ((401, "not_authenticated"), 401)


def test_logout_ends_this_session_only(app: Flask, account: str, kinds: Callable[[], list[str]]) -> None:
    tab, other = Tab(app, account), Tab(app, account)
    assert tab.client.post("/auth/logout", headers=tab.headers).status_code == 204
    assert (tab.status(), tab.refresh()) == (401, (401, "not_authenticated"))
    assert other.status() == 200
    assert tab.client.post("/auth/logout", headers=tab.headers).status_code == 401
    assert kinds() == ["signed_in", "signed_in", "signed_out"]


def test_logout_by_the_refresh_token_when_the_access_token_has_expired(app: Flask, account: str) -> None:
    tab = Tab(app, account)
    with app.app_context():
        claims = decode_token(tab.tokens["access_token"])
        past = create_access_token(claims["sub"], additional_claims={"sid": claims["sid"]}, expires_delta=-timedelta(1))
    expired = {"Authorization": f"Bearer {past}"}
    assert tab.client.post("/auth/logout", headers=expired).get_json(force=True)["code"] == "token_expired"
    body = {"refresh_token": tab.tokens["refresh_token"]}
    assert tab.client.post("/auth/logout", headers=expired, json=body).status_code == 204
    assert tab.status() == 401


def test_logout_of_nobody(client: FlaskClient) -> None:
    assert client.post("/auth/logout").status_code == 401
    assert client.post("/auth/logout", json={"refresh_token": "x"}).status_code == 401


def test_sessions_are_listed_newest_first(app: Flask, account: str) -> None:
    old = Tab(app, account)
    agent = {"User-Agent": FIREFOX}
    new = old.client.post("/auth/login", json={"email": account, "password": PASSWORD}, headers=agent).json
    assert new
    answer = old.client.get("/users/me/sessions", headers=old.headers).json
    assert answer
    assert [item["current"] for item in answer["items"]] == [False, True]
    assert (answer["items"][0]["user_agent"], answer["items"][0]["ip"]) == ("Firefox on Linux", "127.0.0.0/24")
    page = old.client.get("/users/me/sessions?limit=1", headers=old.headers).json
    assert page
    rest = old.client.get(f"/users/me/sessions?limit=1&cursor={page['next_cursor']}", headers=old.headers).json
    assert rest
    assert [*page["items"], *rest["items"]] == answer["items"]


def test_a_session_is_ended_from_another(app: Flask, account: str, kinds: Callable[[], list[str]]) -> None:
    lost, kept = Tab(app, account), Tab(app, account)
    url = f"/users/me/sessions/{lost.ids()[1]}"
    assert kept.client.delete(url, headers=kept.headers).status_code == 204
    assert (lost.status(), kept.status()) == (401, 200)
    assert kept.client.delete(url, headers=kept.headers).status_code == 404
    assert len(kept.ids()) == 1
    assert kinds()[-1] == "session_revoked"


def test_anothers_session_does_not_exist(person: Person, stranger: Person) -> None:
    theirs = person.get("/users/me/sessions").json["items"][0]["session_id"]
    assert stranger.delete(f"/users/me/sessions/{theirs}").status_code == 404
    assert person.get("/users/me/sessions").status_code == 200


def test_a_password_changed_while_it_was_checked_opens_nothing(person: Person, engine: Engine) -> None:
    where = sessions.Client("pytest", "unknown")
    with transaction(engine) as session, pytest.raises(sessions.AppError, match="password is wrong"):
        sessions.begin(session, person.id, where, lasts_seconds=60, password_hash="of before")


def test_all_sessions_but_one_end(app: Flask, account: str, engine: Engine) -> None:
    tabs = [Tab(app, account) for _ in range(3)]
    with app.app_context():
        claims = decode_token(tabs[1].tokens["access_token"])
    with transaction(engine) as session:
        assert sessions.revoke_all(session, UUID(claims["sub"]), but=UUID(claims["sid"])) == 2
    assert [tab.status() for tab in tabs] == [401, 200, 401]
    with transaction(engine) as session:
        assert sessions.revoke_all(session, UUID(claims["sub"])) == 1
    assert tabs[1].status() == 401


def test_what_is_over_is_forgotten(app: Flask, account: str, engine: Engine, settings: Settings) -> None:
    over, on = Tab(app, account), Tab(app, account)
    assert on.refresh()[0] == 200
    past = func.now() - timedelta(seconds=settings.refresh_token_seconds)
    ids = on.ids()
    with transaction(engine) as session:
        session.execute(update(UserSession).where(UserSession.id == UUID(ids[1])).values(expires_at=func.now()))
        session.execute(update(RefreshToken).where(RefreshToken.used_at.is_not(None)).values(created_at=past))
    with transaction(engine) as session:
        assert sessions.expire(session, settings) == 2
    with transaction(engine) as session:
        assert sessions.expire(session, settings) == 0
    assert (over.status(), on.status(), on.refresh()) == (401, 200, (200, None))


def test_the_session_in_a_token_has_to_be_its_users(app: Flask, person: Person, stranger: Person) -> None:
    session_id = person.get("/users/me/sessions").json["items"][0]["session_id"]
    for sid in (session_id, str(new_id()), "x", None):
        with app.app_context():
            token = create_access_token(str(stranger.id), additional_claims={"sid": sid} if sid else None)
        answer = stranger.client.get("/videos", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.get_json(force=True)["code"]) == (401, "not_authenticated")
