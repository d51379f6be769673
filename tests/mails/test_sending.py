"""Sent once, tried again, given up, left out; and what is in a mail that goes out."""

import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, text, update

from shared.accounts import unsubscribe
from shared.db import transaction
from shared.errors import TransientError
from shared.mail import Mailer
from shared.mails import sending
from shared.mails.sending import Sender
from shared.mails.templates import Template, Topic
from shared.models import NotificationPreferences, OutgoingMail, User
from tests.factories import a_user
from tests.mailbox import letters

NEWS = {"link": "https://onevoice.test/app/jobs/1", "title": "강연", "languages": ["Spanish"], "failed": []}


def in_an_hour():
    return datetime.now(UTC) + timedelta(hours=1)


class Scripted(Mailer):
    """Does what the script says at each call, and really sends otherwise."""

    def __init__(self, settings, *script):
        super().__init__(settings)
        self.calls = 0
        self._script = list(script)

    def send(self, mail):
        self.calls += 1
        if self._script:
            self._script.pop(0)()
        return super().send(mail)


def away():
    raise TransientError("mail_unavailable", "The mail service is away.")


def test_a_mail_arrives_whole_and_its_token_is_gone_from_the_database(sender, write, row, to):
    link = "https://onevoice.test/app/verify-email?lang=ko#token=secret-token"
    asked = {"asked": datetime.now(UTC), "browser": "", "network": "203.0.113.0/24"}
    mail_id = write(Template.VERIFY, locale="ko", link=link.replace("?lang=ko", ""), expires=in_an_hour(), **asked)
    assert sender.send_one(mail_id)
    (letter,) = letters(to)
    assert letter.subject == "OneVoice 이메일 주소를 확인해 주세요"
    assert letter.link == link
    assert link in letter.html
    assert letter.headers["From"] == "OneVoice <no-reply@onevoice.test>"
    assert letter.headers["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in letter.headers
    sent = row(mail_id)
    assert (sent.status, sent.attempts, sent.parameters, sent.error) == ("SENT", 1, {}, None)
    assert sent.message_id
    assert sent.sent_at


def test_ten_at_once_send_it_once(sender, write, to):
    mail_id, gate, sent = write(), threading.Barrier(10), []

    def send():
        gate.wait()
        sent.append(sender.send_one(mail_id))

    threads = [threading.Thread(target=send) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(sent) == [False] * 9 + [True]
    assert len(letters(to)) == 1
    assert sender.send_due() == 0


def test_two_tickers_share_the_work(engine, settings, write, to):
    for _ in range(40):
        write()
    threads = [threading.Thread(target=Sender(engine, settings).send_due) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(letters(to)) == 40


def test_trouble_passes(engine, settings, write, row, to, due_again):
    sender = Sender(engine, settings, Scripted(settings, away, away))
    mail_id = write()
    assert not sender.send_one(mail_id)
    waiting = row(mail_id)
    assert (waiting.status, waiting.attempts) == ("PENDING", 1)
    assert waiting.next_attempt_at > datetime.now(UTC)
    assert waiting.error == "The mail service is away."
    assert not sender.send_one(mail_id), "it is not due yet"
    assert row(mail_id).attempts == 1
    for _ in range(2):
        due_again()
        sender.send_due()
    assert (row(mail_id).status, row(mail_id).attempts, row(mail_id).error) == ("SENT", 3, None)
    assert len(letters(to)) == 1


def test_a_service_in_trouble_is_not_hammered(engine, settings, write):
    mailer = Scripted(settings, *[away] * 100)
    for _ in range(30):
        write()
    assert Sender(engine, settings, mailer).send_due() == sending.AT_ONCE == mailer.calls


def test_after_a_day_it_is_given_up_and_keeps_no_token(engine, settings, write, row):
    mail_id = write(Template.ALREADY_REGISTERED, link="https://onevoice.test/secret")
    with transaction(engine) as session:
        long_ago = func.now() - timedelta(seconds=settings.mail_give_up_seconds)
        session.execute(update(OutgoingMail).values(created_at=long_ago))
    Sender(engine, settings, Scripted(settings, away)).send_due()
    assert (row(mail_id).status, row(mail_id).parameters) == ("FAILED", {})


def test_a_refusal_is_final(engine, make_settings, settings, write, row):
    mail_id = write()
    Sender(engine, make_settings(mail_from="nobody@nowhere.test")).send_due()
    refused = row(mail_id)
    assert (refused.status, refused.attempts) == ("FAILED", 1)
    assert "refused" in refused.error


@pytest.mark.parametrize(
    "address", ["no address", "a@b@c.test", "用户@onevoice.test", "a@onevoice.test\nBcc: b@onevoice.test"]
)
def test_an_address_that_can_not_be_served_is_final(sender, write, row, address):
    mail_id = write(address=address)
    assert not sender.send_one(mail_id)
    assert row(mail_id).status == "FAILED"


def test_a_domain_in_any_script_is_served(sender, write, row):
    mail_id = write(address="kim@한국.test")
    assert sender.send_one(mail_id)
    assert letters("kim@xn--3e0b707e.test")


def test_a_link_that_expired_is_not_sent_any_more(sender, write, row, to):
    mail_id = write(Template.RESET_PASSWORD, link="https://onevoice.test", expires=datetime.now(UTC))
    assert not sender.send_one(mail_id)
    assert (row(mail_id).status, row(mail_id).parameters, letters(to)) == ("FAILED", {}, [])


def test_a_mail_that_breaks_its_template_stops_no_other(engine, sender, write, row, to):
    broken, whole = write(), write()
    with transaction(engine) as session:
        session.execute(update(OutgoingMail).where(OutgoingMail.id == broken).values(template="of another release"))
    assert sender.send_due() == 2
    assert row(whole).status == "SENT"
    assert (row(broken).status, row(broken).attempts) == ("PENDING", 1)
    assert "of another release" in row(broken).error


def test_the_news_can_be_turned_off_by_the_mail_program_and_by_hand(engine, settings, sender, write, row, to):
    user_id = a_user(engine)
    assert sender.send_one(write(Template.DUB_READY, user_id=user_id, **NEWS))
    (letter,) = letters(to)
    address = letter.headers["List-Unsubscribe"]
    assert address.startswith(f"<{settings.public_url}/unsubscribe/")
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = address.strip("<>").rpartition("/")[2]
    assert unsubscribe.redeem(settings, token) == (user_id, "job_finished")
    assert f"{settings.public_url}/app/unsubscribe/{token}" in letter.text
    assert f"{settings.public_url}/app/unsubscribe/{token}" in letter.html
    assert httpx.URL(address.strip("<>")).path.isascii()


@pytest.mark.parametrize("off", ["preference", "disabled_at", "deleted_at"])
def test_who_turned_it_off_or_is_gone_gets_none(engine, sender, write, row, to, off):
    user_id = a_user(engine)
    news, necessary = write(Template.DUB_READY, user_id=user_id, **NEWS), write(user_id=user_id)
    with transaction(engine) as session:
        if off == "preference":
            session.add(NotificationPreferences(user_id=user_id, job_finished=False))
        else:
            session.execute(update(User).where(User.id == user_id).values({off: func.now()}))
    sender.send_due()
    assert (row(news).status, row(news).parameters) == ("SKIPPED", {})
    assert row(necessary).status == "SENT"
    assert len(letters(to)) == 1


def test_without_a_choice_the_defaults_hold(engine):
    user_id = a_user(engine)
    with transaction(engine) as session:
        wanted = {topic for topic in Topic if sending.is_wanted(session, user_id, topic)}
    assert wanted == {Topic.JOB_FINISHED, Topic.BILLING}


def test_necessary_mails_overtake_a_thousand_others(engine, sender, write, row, to):
    user_id = a_user(engine)
    news = [write(Template.DUB_READY, address="crowd@onevoice.test", user_id=user_id, **NEWS) for _ in range(30)]
    necessary = write()
    with transaction(engine) as session:
        batch = sending._claim(session, sending._due().limit(sending.AT_ONCE))
    assert necessary in {claimed.id for claimed in batch}
    assert len(batch) == sending.AT_ONCE < len(news)


def test_who_dies_with_a_mail_in_hand_lets_it_come_again(engine, sender, write, row, due_again, to):
    mail_id = write()
    with transaction(engine) as session:
        assert sending._claim(session, sending._due())  # and here the process is gone
    assert sender.send_due() == 0
    due_again()
    assert sender.send_due() == 1
    assert (row(mail_id).status, row(mail_id).attempts) == ("SENT", 2)


def test_a_database_that_goes_away_after_the_sending_does_not_double_the_mail(
    engine, settings, write, row, to, due_again
):
    def restart():
        with engine.connect() as connection:  # every other connection is cut while the mail is on its way
            connection.execute(
                text(
                    "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                    " and datname = current_database()"
                )
            )
        with engine.begin() as connection:
            connection.execute(text("alter table outgoing_mails rename to away"))
        threading.Timer(1.0, back).start()

    def back():
        with engine.begin() as connection:
            connection.execute(text("alter table away rename to outgoing_mails"))

    mail_id = write()
    assert Sender(engine, settings, Scripted(settings, restart)).send_one(mail_id)
    assert row(mail_id).status == "SENT"
    due_again()
    Sender(engine, settings).send_due()
    assert len(letters(to)) == 1


def test_a_late_recorder_does_not_undo_what_came_after(engine, settings, write, row, due_again):
    mail_id = write()
    with transaction(engine) as session:
        (late,) = sending._claim(session, sending._due())
    due_again()
    Sender(engine, settings).send_due()
    with transaction(engine) as session:
        sending.record(session, late, sending.Outcome("FAILED", error="late"), settings)
    assert row(mail_id).status == "SENT"


def test_waits_grow_to_a_quarter_of_an_hour():
    assert 2.5 <= sending.backoff(1) <= 5
    assert all(450 <= sending.backoff(attempt) <= 900 for attempt in (10, 1000))
