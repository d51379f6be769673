"""The demonstration (`make demo`): start the stack, dub as an HTTP client would, say what came out, stop."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import jiwer
from rich.console import Console

from local import sample
from local.client import Client, ClientError
from local.dub import Order, dub, show
from local.processes import ROOT, StackError
from local.stack import Stack, stop_on_signals

OUT = ROOT / "out"
BETTER = (
    "For clearer English voices today: ONEVOICE_SPEECH_SYNTHESIS=flite make demo VIDEO=… FROM=es TO=en TRANSCRIPT=… "
    "(other engines, and those of providers: docs/engines.md)."
)
_WORDS = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.RemovePunctuation(),  # type: ignore[no-untyped-call]
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


def word_error_rate(truth: str, heard: str) -> float:
    """Wrong, missing and added words for each word of `truth`; case and punctuation don't count."""
    return float(jiwer.wer(truth, heard, reference_transform=_WORDS, hypothesis_transform=_WORDS))


def own_video(client: Client, order: Order, console: Console) -> None:
    """Dub the caller's video. Raises ClientError."""
    show(dub(client, order, OUT, console), console)


def samples(client: Client, language: str, console: Console) -> None:
    """Dub the sample with its transcript, then as recognised, and say how well it was recognised."""
    made = sample.make(OUT)
    console.print(f"Made {made.video}: two speakers over music.", soft_wrap=True, highlight=False)
    console.print("\nFirst with its own transcript, speakers and all:")
    show(dub(client, Order(made.video, (language,), sample.LANGUAGE, made.transcript), OUT, console), console)
    console.print("\nThen recognised from the sound:")
    again = Order(made.video, (language,), sample.LANGUAGE, filename="sample-recognised.mp4")
    files = dub(client, again, OUT, console)
    show(files, console)
    document = json.loads(files["transcript"][0].read_text(encoding="utf-8"))
    heard = " ".join(segment["text"] for segment in document["segments"])
    rate = word_error_rate(made.text, heard)
    console.print(f"  word error rate {rate:.2f}: PocketSphinx is a demonstration engine.", highlight=False)


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.demo", description=__doc__)
    parser.add_argument("--video", default="", help="default: a sample that is made")
    parser.add_argument("--to", default="", help="default: es")
    parser.add_argument("--from", dest="source", default="", help="default: en")
    parser.add_argument("--transcript", default="", help="what is said: SRT, VTT or JSON")
    return parser.parse_args(given)


def _order(arguments: argparse.Namespace) -> Order | None:
    """The caller's order, or None for the sample. Raises ClientError for a file that is not there."""
    if not arguments.video:
        return None
    transcript = Path(arguments.transcript) if arguments.transcript else None
    order = Order(Path(arguments.video), (arguments.to or "es",), arguments.source or "en", transcript)
    order.check()
    return order


def _run(arguments: argparse.Namespace, console: Console) -> None:
    order = _order(arguments)
    with Stack() as stack, Client(stack.url) as client:
        client.login(stack.secrets.email, stack.secrets.password)
        if order:
            own_video(client, order, console)
        else:
            samples(client, arguments.to or "es", console)
    console.print(f"\n{BETTER}", soft_wrap=True, highlight=False, markup=False)


def main(given: Sequence[str] | None = None) -> int:
    """Demonstrate; 1 and one sentence when that fails."""
    stop_on_signals()
    try:
        _run(_arguments(given), Console())
    except (ClientError, StackError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
