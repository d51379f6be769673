"""A job that ends tells its owner, once, truthfully and in their language."""

import threading

import pytest
from sqlalchemy import func, select, update

from shared.db import transaction
from shared.dubbing.state import Status
from shared.mails import dubs, reasons
from shared.models import Dub, Job, NotificationPreferences, OutgoingMail, User
from tests.factories import a_job, a_user, a_video
from tests.mailbox import letters


@pytest.fixture
def owner(engine, to):
    return a_user(engine, to)


def a_job_that_ended(engine, owner, job=Status.COMPLETED, **outcomes):
    """A job whose languages ended so, written behind the objects' backs as the code that ends jobs does."""
    job_id = a_job(engine, *outcomes, video_id=a_video(engine, owner, title="A <b>talk</b>"))
    with transaction(engine) as session:
        for language, status in outcomes.items():
            error = {"error_code": "silent", "error_message": "Nobody speaks."} if status is Status.FAILED else {}
            mine = (Dub.job_id == job_id, Dub.language == language)
            session.execute(update(Dub).where(*mine).values(status=status, **error))
        session.execute(update(Job).where(Job.job_id == job_id).values(status=job))
    return job_id


def told(engine, settings, job_id, status):
    with transaction(engine) as session:
        return dubs.job_ended(session, settings, session.get_one(Job, job_id), status)


def test_ready_names_the_languages_and_the_page(engine, settings, sender, owner, to):
    job_id = a_job_that_ended(engine, owner, es=Status.COMPLETED, ca=Status.COMPLETED, fr=Status.FAILED)
    assert sender.send_one(told(engine, settings, job_id, Status.COMPLETED))
    (letter,) = letters(to)
    assert letter.subject == "Your dub is ready: A <b>talk</b>"
    assert letter.link == f"{settings.public_url}/app/jobs/{job_id}"
    assert "Ready: Spanish, Catalan." in letter.text
    assert "This did not work: French. You were charged nothing for it" in letter.text
    assert "A &lt;b&gt;talk&lt;/b&gt;" in letter.html


def test_failed_says_the_sentence_and_that_nothing_was_charged(engine, settings, sender, owner, to):
    with transaction(engine) as session:
        session.get_one(User, owner).locale = "ko"
    job_id = a_job_that_ended(engine, owner, Status.FAILED, es=Status.FAILED)
    with transaction(engine) as session:
        session.execute(update(Dub).where(Dub.job_id == job_id).values(error_code="no_audio"))
    assert sender.send_one(told(engine, settings, job_id, Status.FAILED))
    (letter,) = letters(to)
    assert letter.subject == "더빙을 만들지 못했습니다: A <b>talk</b>"
    assert letter.link == f"{settings.public_url}/app/jobs/{job_id}?lang=ko"
    assert "파일에 더빙할 소리가 없습니다." in letter.text
    assert "Nobody speaks." not in letter.text
    assert "요금이 청구되지 않았습니다" in letter.text


@pytest.mark.parametrize(
    ("code", "locale", "sentence"),
    [
        ("no_audio", "en", "The file has no sound."),
        ("a_new_one", "ko", reasons.GENERAL["ko"]),
        (None, "ko", reasons.GENERAL["ko"]),
        ("gave_up", "ko", reasons.KOREAN["gave_up"]),
    ],
)
def test_every_failure_has_a_sentence_in_the_mails_language(code, locale, sentence):
    assert reasons.said(code, "The file has no sound.", locale) == sentence
    assert reasons.said(code, None, "en") == reasons.GENERAL["en"]


def test_a_job_that_ends_ten_times_over_is_told_once(engine, settings, sender, owner, to):
    job_id, gate = a_job_that_ended(engine, owner, es=Status.COMPLETED), threading.Barrier(10)

    def end():
        gate.wait()
        told(engine, settings, job_id, Status.COMPLETED)
        sender.send_due()

    threads = [threading.Thread(target=end) for _ in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    sender.send_due()
    assert len(letters(to)) == 1


def test_another_round_is_another_mail_about_its_own_languages(engine, settings, sender, owner, to):
    job_id = a_job_that_ended(engine, owner, es=Status.COMPLETED, fr=Status.FAILED)
    sender.send_one(told(engine, settings, job_id, Status.COMPLETED))
    with transaction(engine) as session:
        session.execute(update(Job).where(Job.job_id == job_id).values(round=2))
        session.execute(update(Dub).where(Dub.job_id == job_id, Dub.language == "fr").values(round=2))
    sender.send_one(told(engine, settings, job_id, Status.COMPLETED))
    first, second = letters(to)
    assert "Ready: Spanish." in first.text
    assert second.subject.startswith("Your dub did not work")
    assert "Nobody speaks." in second.text


@pytest.mark.parametrize("why", ["canceled", "deleted", "turned off", "account gone"])
def test_nobody_is_told_who_knows_or_does_not_care(engine, settings, owner, why):
    job_id = a_job_that_ended(engine, owner, es=Status.COMPLETED)
    with transaction(engine) as session:
        if why == "deleted":
            session.get_one(Job, job_id).deleted_at = func.now()
        elif why == "turned off":
            session.add(NotificationPreferences(user_id=owner, job_finished=False))
        elif why == "account gone":
            session.get_one(User, owner).deleted_at = func.now()
    status = Status.CANCELED if why == "canceled" else Status.COMPLETED
    assert told(engine, settings, job_id, status) is None
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(OutgoingMail)) == 0
