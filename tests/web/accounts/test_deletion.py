"""Deleting an account."""

from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select
from sqlalchemy import text as sql

from shared.accounts import deletion
from shared.db import transaction
from shared.mails.templates import Template
from shared.models import Base, Job, User, Video
from tests.factories import a_job, a_video
from tests.web.accounts.conftest import Letters, login, problem
from tests.web.conftest import PASSWORD, Person

ANA = "ana@onevoice.test"


def remove(person: Person, password: str = PASSWORD) -> int:
    return person.delete("/users/me", json={"password": password}).status_code


def test_it_needs_the_password(ana: Person) -> None:
    assert problem(ana.delete("/users/me", json={"password": "wrong"})) == (403, "wrong_password")
    assert problem(ana.delete("/users/me", json={})) == (422, "invalid_request")
    assert problem(ana.delete("/users/me")) == (415, "unsupported_media_type")
    assert ana.get("/users/me").status_code == 200


def test_all_ways_in_end_at_once(client: FlaskClient, ana: Person) -> None:
    key = ana.post("/users/me/api-keys", json={"name": "ci", "scopes": ["read"]}).json["key"]
    refresh = login(client, ANA).json["refresh_token"]
    assert client.get("/videos", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert remove(ana) == 204
    assert ana.get("/users/me").status_code == 401
    assert client.get("/videos", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert client.post("/auth/refresh", json={"refresh_token": refresh}).status_code == 401
    assert problem(login(client, ANA)) == (401, "wrong_credentials")


def test_media_is_hidden_and_live_jobs_end(ana: Person, engine: Engine) -> None:
    a_job(engine, video_id=a_video(engine, ana.id), webhook_url="https://example.test/hook")
    others = a_job(engine)
    assert remove(ana) == 204
    with transaction(engine) as session:
        assert session.scalars(select(Video.deleted_at).where(Video.user_id == ana.id)).one() is not None
        job = session.scalars(select(Job).where(Job.user_id == ana.id)).one()
        assert (job.status, job.deleted_at is not None, job.webhook_url) == ("CANCELED", True, None)
        assert session.get_one(Job, others).status == "PENDING"
        assert session.get_one(Job, others).deleted_at is None


def test_a_row_without_identity_stays(ana: Person, engine: Engine, client: FlaskClient, letters: Letters) -> None:
    ana.patch("/users/me", json={"name": "Ana Banana", "locale": "ko"})
    ana.patch("/users/me/notifications", json={"billing": False})
    client.post("/auth/forgot-password", json={"email": ANA})
    token = letters.token(ANA, Template.RESET_PASSWORD)
    assert remove(ana) == 204
    with transaction(engine) as session:
        user = session.get_one(User, ana.id)
        assert (user.email, user.password_hash, user.name, user.locale) == (
            f"deleted-{ana.id}@deleted.invalid",
            "!",
            None,
            "en",
        )
        assert user.deleted_at is not None
        for table in deletion.PERSONAL:
            assert session.scalar(select(func.count()).select_from(table)) == 0, table
    answer = client.post("/auth/reset-password", json={"token": token, "password": "another battery"})
    assert problem(answer) == (422, "token_invalid")


def holding(engine: Engine, text: str) -> list[str]:
    """The tables that have the text anywhere."""
    with transaction(engine) as session:
        return [
            name
            for name in Base.metadata.tables
            if session.execute(sql(f"select 1 from {name} t where t::text ilike :text"), {"text": f"%{text}%"}).first()
        ]


def test_no_address_of_the_accounts_is_left_anywhere(client: FlaskClient, letters: Letters, engine: Engine) -> None:
    """Signed up by herself and by somebody else, moved to an address that somebody had signed up with too."""
    first, second = "first-ana@onevoice.test", "second-ana@onevoice.test"
    for address in (first, second, first):
        client.post("/auth/signup", json={"email": address, "password": PASSWORD})
    for _ in range(2):
        client.post("/auth/resend-verification", json={"email": first.upper()})
    client.post("/auth/verify-email", json={"token": letters.token(first, Template.VERIFY)})
    client.post("/auth/signup", json={"email": first, "password": PASSWORD})
    headers = {"Authorization": f"Bearer {login(client, first).json['access_token']}"}
    client.post("/users/me/email", json={"email": second, "password": PASSWORD}, headers=headers)
    token = letters.token(second, Template.CONFIRM_NEW_EMAIL)
    assert client.post("/auth/verify-new-email", json={"token": token}).status_code == 200
    assert client.delete("/users/me", json={"password": PASSWORD}, headers=headers).status_code == 204
    assert (holding(engine, first), holding(engine, second)) == ([], [])


def test_the_address_can_sign_up_again(ana: Person, client: FlaskClient, letters: Letters) -> None:
    assert remove(ana) == 204
    asked = client.post("/auth/signup", json={"email": ANA, "password": PASSWORD})
    assert asked.status_code == 202, asked.get_json(force=True)
    token = letters.token(ANA, Template.VERIFY)
    assert client.post("/auth/verify-email", json={"token": token}).status_code == 200
    assert login(client, ANA).status_code == 200
