"""The local stack's post, with mails that really went through SES's face."""

import threading
from pathlib import Path

from local import mailbox
from local.objects import sent_mails
from shared.config import Settings
from shared.mail import Mail, Mailer
from shared.models import new_id
from tests.mailbox import can_send
from tests.processes import until

LINK = "https://onevoice.test/app/verify-email?token=abc"


def test_a_mail_is_laid_out_and_its_link_is_said(settings: Settings, tmp_path: Path) -> None:
    to = f"{new_id()}@onevoice.test"
    old = tmp_path / "0001-old.txt"
    old.write_text("of the stack before")
    mailbox.empty(tmp_path)
    post = threading.Thread(target=mailbox.deliver, args=[sent_mails, tmp_path], daemon=True)
    said: list[str] = []
    with mailbox.watch(tmp_path, said.append):
        post.start()
        mail = Mail(to, "주소 확인", f"Confirm:\n{LINK}\n", "<p>확인</p>", {"List-Unsubscribe": "<https://u.test/1>"})
        Mailer(can_send(settings)).send(mail)
        until(lambda: any(to in line for line in said), 10)
    (text,) = tmp_path.glob(f"*-{to}.txt")
    assert text.read_text().startswith(f"From: OneVoice <no-reply@onevoice.test>\nTo: {to}\nSubject: 주소 확인\n")
    assert "List-Unsubscribe: <https://u.test/1>" in text.read_text()
    assert text.with_suffix(".html").read_text().strip() == "<p>확인</p>"
    assert said[-1] == f"Mail to {to}: 주소 확인\n  {LINK}"
    assert not old.exists()


def test_an_address_names_a_file_and_no_other_place(tmp_path: Path) -> None:
    letter = mailbox.Letter("../../x y@onevoice.test", "s", "t", "h", {})
    assert mailbox.lay_out(letter, tmp_path / "0001").parent == tmp_path
