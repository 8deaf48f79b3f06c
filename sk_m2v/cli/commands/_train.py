"""Train a classifier, a regressor or an embedding.

    sk-m2v train reviews.csv --text review --label stars --test-size 0.2
    sk-m2v train reviews.csv --label stars --estimator FT --max-epochs 10 --out runs/ft
    sk-m2v train config.toml --set train.lr=1e-3
    sk-m2v train runs/reviews/configuration.yaml --out runs/again

The first argument is a table, or a configuration that says all (.toml, .yaml). Options
are keys of configurations, too, and what they say comes first. Those of the estimator
are listed for the one that --estimator names. The folder gets the model, the
configuration with which the training can be repeated, scores and predictions of the
test part, and the rows that were dropped. Scores are printed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from sk_m2v.cli.commands._shared import say
from sk_m2v.cli.configuration import Configuration, read, set_keys
from sk_m2v.cli.configuration._check import checked_estimator
from sk_m2v.cli.configuration._read import SUFFIXES
from sk_m2v.cli.configuration._sections import (
    DEFAULT_ESTIMATOR,
    ESTIMATORS,
    NAMES,
    SECTIONS,
    keys_of,
)
from sk_m2v.cli.options._arguments import add_option, add_options, given, nearest_option
from sk_m2v.cli.options._signatures import Parameter

_ESTIMATOR = ("train", "estimator")
_OWN = ("data", "prepare", "model", "train", "output")
# Given in another way, or the same as another.
_SKIPPED = {
    "data": ("train",),
    "model": ("path", "subfolder", "local_files_only", "revision", "cache_dir"),
    "train": ("estimator", "callbacks", "verbose"),
    "output": ("folder",),
}
_MODEL = Parameter(
    "model", "str", None, "", "Folder or hub id of the model to start from."
)
_OUT = Parameter("out", "str", "run", "", "Folder of all that the training leaves.")
_SEED = Parameter("random_state", "int", 0, "int", "Seed of all that is random.")


def configure(parser: ArgumentParser, arguments: list[str]) -> None:
    """Add options."""
    parser.add_argument("file", help="table of texts and labels, or configuration")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="set any key of the configuration; may be given several times",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--resume", action="store_true", help="go on with a training that was stopped"
    )
    either.add_argument(
        "--overwrite",
        action="store_true",
        help="replace a training in the folder, once the new one is finished",
    )
    add_option(parser, _OUT, "run")
    add_option(parser, _SEED, "run")
    add_option(parser, _MODEL, "run")
    parser.add_argument(
        "--estimator",
        metavar="NAME",
        help=f"what is trained: {NAMES} (default: {DEFAULT_ESTIMATOR})",
    )
    estimator = _named(arguments)
    for section in _OWN:
        title = estimator if section == "train" else f"section {section}"
        group = parser.add_argument_group(title)
        keys = keys_of(section, estimator)
        add_options(group, keys, section, skip=_SKIPPED.get(section, ()))


def _named(arguments: list[str]) -> str:
    """Class of the estimator that the command line, or else the file, names.

    A name that is none is refused here: its options would be, with no word of the name.
    """
    finder = ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--estimator")
    finder.add_argument("--set", action="append", default=[])
    found, rest = finder.parse_known_args(arguments)
    files = [it for it in rest if Path(it).suffix in SUFFIXES and Path(it).is_file()]
    configuration = read(files[0]) if files else Configuration()
    if found.estimator is not None:
        configuration.put(_ESTIMATOR, found.estimator, "--estimator", Path())
    set_keys(configuration, found.set)
    return checked_estimator(configuration)


def hint(option: str, parser: ArgumentParser) -> str:
    """Say whose option it is, or which one is near.

    Parameters
    ----------
    option : str
        What is unknown.
    parser : ArgumentParser
        What is known.

    Returns
    -------
    str
        For the end of a message.
    """
    name = option.partition("=")[0].removeprefix("--").replace("-", "_")
    for estimator, short in ESTIMATORS.items():
        if name in keys_of("train", estimator):
            return f". It is an option of {estimator}: --estimator {short}"
    return nearest_option(option, parser)


def run(options: Namespace) -> None:
    """Train, and print the scores."""
    path = Path(options.file)
    is_configuration = path.suffix in SUFFIXES
    values = {section: given(options, section) for section in SECTIONS}
    own = given(options, "run")
    if "out" in own:
        values["output"]["folder"] = own["out"]
    if "model" in own:
        values["model"]["path"] = own["model"]
    if "random_state" in own:
        values["random_state"] = own["random_state"]
    if not is_configuration:
        values["data"]["train"] = options.file
    configuration = read(path) if is_configuration else Configuration()
    for name, it in values.items():
        if it != {}:
            configuration.put((name,), it, "option", Path())
    if options.estimator is not None:
        configuration.put(_ESTIMATOR, options.estimator, "--estimator", Path())
    set_keys(configuration, options.set)
    from sk_m2v.cli.running._run import run as run_training

    scores = run_training(
        configuration,
        source=path if is_configuration else None,
        resume=options.resume,
        overwrite=options.overwrite,
        say=say,
    )
    print(scores, end="")
