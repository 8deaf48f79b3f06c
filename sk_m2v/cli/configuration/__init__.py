"""A run in a file: TOML or YAML, checked against signatures before any work.

`_read` reads a file, what it extends and what the command line sets; `_places` knows in
which line a key stands; `_sections` says which keys there are; `_check` checks them and
fills in defaults; `_record` keeps what was run. Read `_sections` first.
"""

from sk_m2v.cli.configuration._check import check
from sk_m2v.cli.configuration._read import Configuration, read, set_keys
from sk_m2v.cli.configuration._record import note_changes, recorded

__all__ = ["Configuration", "check", "note_changes", "read", "recorded", "set_keys"]
