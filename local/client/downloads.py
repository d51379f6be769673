"""A result on its way to the disk; a cut connection goes on where it was cut."""

import time
from pathlib import Path, PurePath

import httpx

from local.client.bodies import ResultFile
from local.client.connection import PAUSES, reachable
from local.client.errors import ClientError

TIMEOUT = httpx.Timeout(60, connect=10)


def download(result: ResultFile, folder: Path) -> Path:
    """Save a result in `folder` under its own name; where it is. Raises ClientError."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / PurePath(result.filename).name
    partial = target.with_name(f"{target.name}.part")
    with partial.open("wb") as file:
        tag = ""
        for pause in (*PAUSES, 0.0):
            try:
                with httpx.stream("GET", result.url, headers=_rest(file.tell(), tag), timeout=TIMEOUT,
                                  trust_env=False) as answer:  # fmt: skip
                    tag = _checked(answer, target.name).headers.get("ETag", "")
                    if answer.status_code == httpx.codes.OK:  # from the beginning, whatever was asked for
                        file.truncate(file.seek(0))
                    # as it comes: a block that is still being filled would be lost with the connection
                    for block in answer.iter_raw():
                        file.write(block)
                break
            except httpx.TransportError:
                if not pause:
                    with reachable(result.url):
                        raise
                time.sleep(pause)
    if partial.stat().st_size != result.size_bytes:
        raise ClientError(f"{target.name} came with {partial.stat().st_size} bytes instead of {result.size_bytes}.")
    return partial.replace(target)


def _rest(have: int, tag: str) -> dict[str, str]:
    """What asks for the bytes behind the first `have`, of the same object and no other."""
    return {"Range": f"bytes={have}-", "If-Range": tag} if have and tag else {}


def _checked(answer: httpx.Response, name: str) -> httpx.Response:
    if answer.status_code in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
        return answer
    raise ClientError(
        f"{name} could not be downloaded: the file store said {answer.status_code}.",
        "store_refused",
        answer.status_code,
    )
