"""What a file on a foreign server is called, and what kind it is, by what the server says of it."""

import re
from email.message import Message
from urllib.parse import unquote

import httpx

# As much of a media type as is believed; anything else is called bytes.
MEDIA = re.compile(r"(video|audio)/[a-z0-9][a-z0-9.+-]{0,100}")


def name_in_url(url: str) -> str:
    """The last part of the URL's path; empty when there is none."""
    return unquote(httpx.URL(url).raw_path.decode("ascii").partition("?")[0].rpartition("/")[2])


def name_in_headers(headers: httpx.Headers) -> str | None:
    """The file's name by Content-Disposition (RFC 6266, RFC 8187), or None."""
    given = headers.get("Content-Disposition")
    if not given:
        return None
    message = Message()
    message["Content-Disposition"] = given
    return message.get_filename() or None


def kind_in_headers(headers: httpx.Headers) -> str | None:
    """The media type by Content-Type without its parameters, or None if it is neither picture nor sound."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return kind if MEDIA.fullmatch(kind) else None
