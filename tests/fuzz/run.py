"""Feed damaged files and odd texts to everything that reads them.

    nice -n 10 python tests/fuzz/run.py --n 100000
    python tests/fuzz/run.py tokenizer yaml --n 2000 --seed 3
    python tests/fuzz/run.py tokenizer --seed 3 --only 1234

Inputs are read in a child process, so that a crash of it is seen. A finding is a crash,
an error of a kind that is not documented, a hang of more than 5 s, or memory of more
than twice the size of the input and 64 MB (for texts, 400 times: see there). Each kind
is printed once, with the number of the input by which `--only` reads it again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

HANG, ROOM = 5.0, 64 << 20
# Seconds after which a child that computes nothing is given up.
WAIT = 300.0
# What a child may take of addresses, beyond what it begins with.
ADDRESSES = 4 << 30


def main() -> None:
    from fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--n", type=int, default=10_000, help="inputs, of all targets")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="one input, in this process")
    parser.add_argument("--child", nargs=2, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.targets or list(TARGETS)
    if options.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            target = TARGETS[names[0]][0](Path(folder))
            target.run(made(target, names[0], options.seed, options.only))
        return
    if options.child:
        child(names[0], options.seed, *options.child)
        return
    weights = {it: TARGETS[it][1] for it in names}
    head = f"{'target':<13}{'inputs':>8}{'refused':>9}{'accepted':>9}{'slowest':>9}"
    print(f"{head}{'memory':>9}{'ratio':>7}  findings", flush=True)
    total = Watch("all", options)
    for name in names:
        watch = Watch(name, options)
        watch.feed(round(options.n * weights[name] / sum(weights.values())))
        print(watch.row(), flush=True)
        total.add(watch)
    print(total.row(), flush=True)
    sys.exit(bool(total.findings))


def made(target: Any, name: str, seed: int, i: int) -> bytes:
    """The i-th input of a target."""
    rng = Random(f"{name} {seed} {i}")
    data: bytes = target.mutate(rng, rng.choice(target.seeds))
    return data


# --- The child ------------------------------------------------------------------------


def child(name: str, seed: int, start: int, stop: int) -> None:
    """Read inputs, and say what came of each: one line each."""
    from fuzz.targets import DOCUMENTED, TARGETS

    say = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        target = TARGETS[name][0](Path(folder))
        for it in target.seeds:
            with suppress(*DOCUMENTED):
                target.run(it)
        limit = _status("VmSize") + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        say.write("ready\n")
        for i in range(start, stop):
            data = made(target, name, seed, i)
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
            before, began = _status("VmRSS"), time.process_time()
            what = "accepted"
            try:
                target.run(data)
            except DOCUMENTED:
                what = "refused"
            except BaseException as error:
                what = _summary(error)
            took = time.process_time() - began
            memory = _status("VmHWM") - before
            allowed = int(target.memory * len(data))
            say.write(json.dumps([i, what, took, memory, allowed, len(data)]) + "\n")


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) << 10
    raise LookupError(name)


def _summary(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [it for it in frames if "/sk_m2v/" in it.filename]
    at = (ours or frames)[-1]
    where = f"{at.filename.rpartition('/sk_m2v/')[2]}:{at.lineno}"
    return f"{type(error).__name__} at {where}: {str(error)[:80]}"


# --- The parent -----------------------------------------------------------------------


class Watch:
    """Counts what comes of inputs, and starts a child again after a crash or hang."""

    def __init__(self, name: str, options: argparse.Namespace) -> None:
        self.name, self.options = name, options
        self.n = self.refused = self.accepted = 0
        self.slowest = 0.0
        self.memory = 0
        self.ratio = 0.0
        self.findings: Counter[str] = Counter()

    def add(self, other: Watch) -> None:
        self.n += other.n
        self.refused += other.refused
        self.accepted += other.accepted
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)
        self.ratio = max(self.ratio, other.ratio)
        self.findings += other.findings

    def row(self) -> str:
        return (
            f"{self.name:<13}{self.n:>8,}{self.refused:>9,}{self.accepted:>9,}"
            f"{self.slowest:>7.2f} s{self.memory / 2**20:>6.1f} MB{self.ratio:>7.1f}"
            f"  {sum(self.findings.values())}"
        )

    def feed(self, n: int) -> None:
        start = 0
        while start < n:
            start = self._one_child(start, n)

    def _one_child(self, start: int, stop: int) -> int:
        """Read inputs from `start` on; the first one that was not read."""
        arguments = [
            *(sys.executable, __file__, self.name, "--seed", str(self.options.seed)),
            *("--child", str(start), str(stop)),
        ]
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=errors) as it,
        ):
            assert it.stdout is not None
            lines = _lines(it.stdout.fileno(), it.pid)
            if next(lines) != "ready":
                errors.seek(0)
                sys.exit(errors.read().decode("utf-8", "replace")[-4_000:])
            next_one = start
            for line in lines:
                if line in ("hang", "end"):
                    break
                next_one = 1 + self._note(*json.loads(line))
            if next_one < stop:
                it.kill()
                code = it.wait()
                errors.seek(0)
                said = errors.read().decode("utf-8", "replace").strip()[-200:]
                what = f"hang of {HANG:.0f} s" if line == "hang" else f"crash {code}"
                self.n += 1
                self._found(next_one, what if line == "hang" else f"{what}: {said}")
                next_one += 1
            return next_one

    def _note(
        self, i: int, what: str, took: float, memory: int, allowed: int, size: int
    ) -> int:
        self.n += 1
        self.slowest = max(self.slowest, took)
        self.memory = max(self.memory, memory)
        # Where it is more than noise.
        if memory > 1 << 20 and size > 1 << 12:
            self.ratio = max(self.ratio, memory / size)
        if what in ("refused", "accepted"):
            setattr(self, what, getattr(self, what) + 1)
        else:
            self._found(i, what)
        if memory > allowed + ROOM:
            self._found(i, f"memory: {memory >> 20} MB for {size:,} bytes")
        return i

    def _found(self, i: int, what: str) -> None:
        kind = what.partition(": ")[0]
        self.findings[kind] += 1
        if self.findings[kind] == 1:
            where = f"{self.name} --seed {self.options.seed} --only {i}"
            print(f"  {where}: {what}", flush=True)


def _lines(file: int, child: int) -> Any:
    """Lines of a child, "hang" if none comes in time, and "end"."""
    rest, spent, is_ready = b"", 0.0, False
    while True:
        waited = 0.0
        while not select.select([file], [], [], 1.0)[0]:
            waited += 1
            # Of its own time: the machine may be busy with other things.
            busy = _seconds(child) - spent
            if (is_ready and busy > HANG) or waited > WAIT:
                yield "hang"
                return
        data = os.read(file, 1 << 16)
        if not data:
            yield "end"
            return
        *lines, rest = (rest + data).split(b"\n")
        for it in lines:
            yield it.decode()
        is_ready, spent = True, _seconds(child)


def _seconds(process: int) -> float:
    """What a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
