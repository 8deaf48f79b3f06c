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

from sk_m2v._messages import shortened
from sk_m2v.cli.options._arguments import nearest_option
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
INTERRUPTED, BROKEN_PIPE = 128 + 2, 128 + 13
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
    with _signals_as_exits(), _warnings_for_people():
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
    if name is None:
        _whole_parser().parse_args(arguments)  # ends, with help or an error
        raise ValueError("no command: sk-m2v --help lists them")
    module = f"sk_m2v.cli.commands._{name}"
    configured = import_module(module)
    parser = ArgumentParser(
        prog=f"sk-m2v {name}",
        description=module_docstring(module),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show where an error came from"
    )
    given = list(arguments)
    given.remove(name)
    configured.configure(parser, given)
    # All options would take a screen, before what an error says.
    positional = [
        str(it.metavar or it.dest).upper() for it in parser._get_positional_actions()
    ]
    parser.usage = f"sk-m2v {name} [OPTIONS] {' '.join(positional)}"
    # Options may stand between a query and a file.
    options, unknown = parser.parse_known_intermixed_args(given)
    if unknown:
        hint = getattr(configured, "hint", nearest_option)
        parser.error(
            f"unknown: {shortened(' '.join(unknown))}{hint(unknown[0], parser)}"
        )
    return options, configured.run


def _whole_parser() -> ArgumentParser:
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
        text = module_docstring(f"sk_m2v.cli.commands._{command}")
        commands.add_parser(command, help=text.partition("\n")[0])
    return parser


class _Version(Action):
    """Looked up only when it is asked for: package metadata take a while to read."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> None:
        from sk_m2v._version import package_version

        print(f"{parser.prog} {package_version()}")
        parser.exit()


def _message(error: BaseException) -> str:
    """What an error says, with its notes."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{shortened(error.filename)}: {error.strerror}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # its text is in quotes
    else:
        text = str(error)
    lines = [text or type(error).__name__, *getattr(error, "__notes__", ())]
    return "\n".join(lines)


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """Let SIGINT and SIGTERM unwind the stack, so that no half-written file is left.

    Not as `KeyboardInterrupt`: a training takes that as its planned end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, _: Any) -> None:
        print("sk-m2v: stopped", file=sys.stderr)
        raise SystemExit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _warnings_for_people() -> Iterator[None]:
    """Print warnings without the line of code that they came from."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        print(f"sk-m2v: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
