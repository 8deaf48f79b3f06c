"""Which subcommand runs, and what becomes of its errors."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from argparse import (
    SUPPRESS,
    Action,
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
)
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sk_m2v.cli.options._signatures import module_docstring

COMMANDS = (
    "prepare",
    "distill",
    "train",
    "evaluate",
    "predict",
    "encode",
    "search",
    "convert",
    "export",
    "benchmark",
    "inspect",
    "push",
)
BAD_INPUT = 2
# As shells number what ends by a signal.
INTERRUPTED, BROKEN_PIPE, TERMINATED = (
    128 + int(getattr(signal, name, number))
    for name, number in (("SIGINT", 2), ("SIGPIPE", 13), ("SIGTERM", 15))
)
_AFTERWORD = """\
`sk-m2v COMMAND --help` says more. Results go to standard output or to --out, what is
being done goes to standard error. The exit code is 0 if all went well, and 2 if
something is wrong with what was given.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        What follows the name of the command. None takes what the shell gave.

    Returns
    -------
    int
        Exit code: 0, or 2 for bad input, 1 for a fault of this package, and as shells
        have it for what a signal ends.

    Examples
    --------
    >>> from sk_m2v.cli import main
    >>> main(["inspect"])
    kind        StaticEmbedding
    ...
    0
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = next((it for it in given if not it.startswith("-")), None)
    with _termination_as_exception(), _warnings_for_people():
        try:
            if sys.stdin is None or sys.stdout is None:
                raise OSError("standard input or output is closed: open it")
            # Also the configuration that is read here, for the options that it has.
            options, run = _parse(given, name if name in COMMANDS else None)
            run(options)
            sys.stdout.flush()
        except (ValueError, OSError, ImportError, TypeError, LookupError) as error:
            if isinstance(error, BrokenPipeError):
                # Python flushes again on its way out.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return BROKEN_PIPE
            if "--traceback" in given:
                traceback.print_exc()
            print(f"sk-m2v {name}: {_message(error)}", file=sys.stderr)
            return BAD_INPUT
        except KeyboardInterrupt:
            print(f"sk-m2v {name}: interrupted", file=sys.stderr)
            return INTERRUPTED
    return 0


def _parse(arguments: list[str], name: str | None) -> tuple[Namespace, Any]:
    """Options, and the function that takes them: only one subcommand is looked at."""
    parser = ArgumentParser(
        prog="sk-m2v",
        description="Static text embeddings from the command line.",
        epilog=_AFTERWORD,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, dest=SUPPRESS, help="print it"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        module = f"sk_m2v.cli.commands._{command}"
        if name is not None and command != name:
            continue
        text = module_docstring(module)
        one = commands.add_parser(
            command,
            help=text.partition("\n")[0],
            description=text,
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        one.add_argument(
            "--traceback", action="store_true", help="show where an error came from"
        )
        if command == name:
            configured = import_module(module)
            configured.configure(one, arguments)
            one.set_defaults(run=configured.run)
            # All options would take a screen, before what an error says.
            positional = [
                str(it.metavar or it.dest).upper()
                for it in one._get_positional_actions()
            ]
            one.usage = f"sk-m2v {command} [OPTIONS] {' '.join(positional)}"
    options = parser.parse_args(arguments)
    return options, options.run


class _Version(Action):
    """Looked up only when it is asked for: package metadata take a while to read."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> None:
        from sk_m2v._version import package_version

        print(f"{parser.prog} {package_version()}")
        parser.exit()


def _message(error: BaseException) -> str:
    """What an error says, with its notes; a `KeyError` quotes what it says."""
    quotes = isinstance(error, KeyError) and error.args
    text = str(error.args[0]) if quotes else str(error)
    lines = [text or type(error).__name__, *getattr(error, "__notes__", ())]
    return "\n".join(lines)


@contextmanager
def _termination_as_exception() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that no half-written file is left."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: Any) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _warnings_for_people() -> Iterator[None]:
    """Print warnings without the line of code that they came from."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        print(f"sk-m2v: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
