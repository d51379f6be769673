"""The probe's child: reads an untrusted media file for its parent, with every door closed.

`python -m shared.videos.probe_child` speaks over its pipes: out come lines of JSON (`read`, `facts`, `picture`,
`error`), in come a byte count and that many bytes for each `read`.
"""

import base64
import ctypes
import json
import resource
import sys
from dataclasses import asdict

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000


def leave_network() -> None:
    """Move to a network of one's own, where the kernel permits; before anything starts a thread."""
    ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWUSER | CLONE_NEWNET)


def close_doors() -> None:
    """From now on nothing can be opened: no file, no socket, no program. The pipes that are open stay so."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def main() -> None:
    """Read one file, as the first line of stdin asks: `{size_bytes, thumbnail}`."""
    leave_network()
    from shared.videos import probe_media, probe_source

    ask, answers = sys.stdout.buffer, sys.stdin.buffer
    close_doors()
    request = json.loads(answers.readline())
    source = probe_source.Source(ask, answers, request["size_bytes"])
    try:
        facts = probe_media.read_facts(source)
    except probe_media.RejectedError as error:
        probe_source.send(ask, {"error": error.code, "reason": error.reason})
        return
    probe_source.send(ask, {"facts": asdict(facts)})
    picture = probe_media.read_picture(source, facts, encode=request["thumbnail"])
    probe_source.send(
        ask,
        {
            "picture": {
                "rotation": picture.rotation,
                "jpeg": base64.b64encode(picture.jpeg or b"").decode(),
                "trouble": picture.trouble,
            }
        },
    )


if __name__ == "__main__":
    main()
