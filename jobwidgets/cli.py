"""The command line: `jobwidgets demo` shows everything at once, `jobwidgets serve` is the embedded service alone."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobwidgets import __version__
from jobwidgets.demo_server import DEMO_VARIABLE, Embedded, need_server
from jobwidgets.errors import JobError, SettingsError
from jobwidgets.lab import Lab, default_folder, lay_out

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

_EPILOG = "`jobwidgets serve --help` lists the options of serve."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; None takes them from the command line.

    Returns
    -------
    int
        The exit code: 0 when all went well, 1 when something is missing (one line says what to do), 2 for a wrong call.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["serve"]:
            return _serve(arguments[1:])
        options = _parser().parse_args(arguments)
        return _demo(options)
    except JobError as error:
        sys.stderr.write(f"jobwidgets: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jobwidgets", description="aiWARE jobs in a notebook.", epilog=_EPILOG, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"jobwidgets {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    demo = commands.add_parser(
        "demo", help="open the tour in JupyterLab, with an embedded service behind it", allow_abbrev=False
    )
    demo.add_argument("--jobs", type=_count, default=None, metavar="N", help="jobs of history (default: 2000)")
    demo.add_argument("--seed", type=int, default=None, metavar="S", help="same seed, same history (default: 0)")
    demo.add_argument(
        "--state", type=Path, default=None, metavar="FILE", help="keep the service's jobs in this file between runs"
    )
    demo.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    demo.add_argument("--port", type=int, default=0, metavar="P", help="of JupyterLab (default: any free one)")
    demo.add_argument("--dir", type=Path, default=None, metavar="DIR", help="where your copies of the notebooks are")
    commands.add_parser("serve", help="run the embedded service alone", add_help=False)
    return parser


def _count(text: str) -> int:
    value = int(text.replace("_", ""))
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than nothing")
    return value


def _serve(arguments: list[str]) -> int:
    need_server()
    code: int | None = importlib.import_module("jobwidgets.emulator.http.server").main(arguments)
    return code or 0


def _demo(options: argparse.Namespace) -> int:
    folder = options.dir.expanduser().resolve() if options.dir else default_folder()
    try:
        kept = lay_out(folder)
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error.strerror}", hint="give another with --dir") from None
    _end_on_signals()
    try:
        _say("Starting the embedded service and JupyterLab …")
        with Embedded(jobs=options.jobs, seed=options.seed, state=options.state) as embedded:
            for note in embedded.notes:
                _say(note)
            address = embedded.address
            env = {
                DEMO_VARIABLE: json.dumps(address),
                "AIWARE_URL": address["graphql"],
                "AIWARE_REST_URL": address["rest"],
                "AIWARE_TOKEN": address["token"],
            }
            with Lab(folder, port=options.port, browser=not options.no_browser, env=env) as lab:
                _welcome(lab.url, folder, kept)
                return lab.wait()
    except KeyboardInterrupt:
        _say("\nEnded: JupyterLab, its kernels and the service.")
        return 0


def _welcome(url: str, folder: Path, kept: list[str]) -> None:
    _say(f"\n  {url}\n")
    _say(f"Your copies of the notebooks are in {folder}")
    if kept:
        _say(f"As you changed them, left as they are: {', '.join(kept)} (delete one to get it fresh)")
    _say("Ctrl-C here ends JupyterLab, its kernels and the service.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _end_on_signals() -> None:
    """Take each way of being asked to end as an ordinary end, and let nothing disturb the ending."""
    asked = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def end(_number: int, _frame: FrameType | None) -> None:
        for number in asked:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in asked:
        signal.signal(number, end)
