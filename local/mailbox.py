"""The local stack's post: what SES's stand-in took lies in a folder, two files a mail, newest last.

The tiers send as they do in production; only the receiver is another.
"""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

POLL_SECONDS = 0.2
SHOWN_HEADERS = ("From", "To", "Subject", "Date", "List-Unsubscribe", "List-Unsubscribe-Post")
LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True)
class Letter:
    """One mail as its reader sees it; `link` is its first link."""

    to: str
    subject: str
    text: str
    html: str
    headers: dict[str, str]

    @property
    def link(self) -> str | None:
        """The mail's first link, which is what it is about."""
        found = LINK.search(self.text)
        return found[0] if found else None


def read(raw: str) -> Letter:
    """The mail in a message of both text and HTML (RFC 5322)."""
    message = message_from_string(raw, _class=EmailMessage, policy=policy.default)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    headers = {name: " ".join(str(value).split()) for name, value in message.items()}
    return Letter(headers["To"], headers["Subject"], text.get_content(), html.get_content(), headers)


def deliver(sent: Callable[[], list[str]], folder: Path) -> None:
    """For ever: lay out what is new of the messages that `sent()` lists, oldest first."""
    done = 0
    while True:
        for raw in sent()[done:]:
            done += 1
            try:
                lay_out(read(raw), folder / f"{done:04d}")
            except Exception as error:  # noqa: BLE001 - one mail that can't be read must not end the post
                print(f"mail {done} can't be laid out: {error!r}", file=sys.stderr, flush=True)
        time.sleep(POLL_SECONDS)


def lay_out(letter: Letter, path: Path) -> Path:
    """Write the letter as `<path>-<to>.html` and `.txt`, headers on top, which is the last to appear; its path."""
    stem = f"{path.name}-{re.sub(r'[^A-Za-z0-9@.+_-]', '_', letter.to)[:80]}"
    (path.parent / f"{stem}.html").write_text(letter.html, encoding="utf-8")
    headers = "".join(f"{name}: {letter.headers[name]}\n" for name in SHOWN_HEADERS if name in letter.headers)
    half = path.parent / f".{stem}"
    half.write_text(f"{headers}\n{letter.text}", encoding="utf-8")
    return half.rename(path.parent / f"{stem}.txt")


def empty(folder: Path) -> None:
    """Throw away the mails of the stack before."""
    for path in folder.iterdir():
        path.unlink()


@contextmanager
def watch(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, say of each mail that comes whom it is to, and its link."""
    stopped = threading.Event()
    thread = threading.Thread(target=_watch, args=[folder, say, stopped], name="mailbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _watch(folder: Path, say: Callable[[str], None], stopped: threading.Event) -> None:
    seen: set[str] = set()
    while not stopped.wait(POLL_SECONDS):
        for path in sorted(folder.glob("*.txt")):
            if path.name not in seen:
                seen.add(path.name)
                say(_told(path.read_text(encoding="utf-8")))


def _told(mail: str) -> str:
    headers, _, text = mail.partition("\n\n")
    named = dict(line.split(": ", 1) for line in headers.splitlines())
    link = LINK.search(text)
    return f"Mail to {named['To']}: {named['Subject']}" + (f"\n  {link[0]}" if link else "")
