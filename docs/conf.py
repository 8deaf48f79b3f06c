"""Configuration of Sphinx.

Build the pages, with warnings as errors, and look at ``docs/_build/index.html``::

    python -m sphinx -W -b html docs docs/_build

Examples on the pages are doctests. `tests/test_examples.py` runs all of them; one page
alone::

    python -m doctest -o NORMALIZE_WHITESPACE -o ELLIPSIS docs/guide/encoding.rst
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE))

import rooms  # noqa: E402

project = "sk-m2v"
author = "the sk-m2v developers"
project_copyright = author
release = version = version_of("sk-m2v")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

# Drawn anew for each build, so that it is what the code is.
(_HERE / "_build").mkdir(exist_ok=True)
(_HERE / "_build" / "rooms.svg").write_text(rooms.draw())

# `name` is a link to the documented object of that name, else just code.
default_role = "py:obj"
rst_prolog = ".. currentmodule:: sk_m2v"

# Nothing is written into docs/: each class has a page in docs/api.
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc sections say it
numpydoc_show_class_members = False

# Copied is what was typed, without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_theme = "furo"
html_title = f"sk-m2v {release}"
