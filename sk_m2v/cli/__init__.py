"""The command `sk-m2v`: what a team does around a model, without writing code.

One file a subcommand stands in `commands`. Below, from the ground up: `options` (of the
command line, from signatures), `preparing` (raw texts to clean parts), `configuration`
(a run in a file), `running` (it). Read `_main` first.
"""

from sk_m2v.cli._main import main

__all__ = ["main"]
