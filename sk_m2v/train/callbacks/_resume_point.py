"""`ResumePoint`: a training that goes on where it was cut off."""

from __future__ import annotations

import os
import uuid
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import torch
from skorch.callbacks import Callback

from sk_m2v._messages import quoted, shortened
from sk_m2v._parameters import public
from sk_m2v.train.callbacks._fingerprint import differences, fingerprint
from sk_m2v.train.callbacks._state import State, pack, unpack
from sk_m2v.train.fitting._bags import BagDataset
from sk_m2v.train.fitting._nets import Net

# Changes with what is written.
_FORMAT = "sk_m2v training 1"


@public("sk_m2v.train")
class ResumePoint(Callback):
    """Write a training to a file after each epoch, and go on from there.

    Whatever ends a training before its time (a crash, a power cut, Ctrl-C), the same
    `fit` goes on after the last finished epoch, and gives the same estimator as one
    that was not interrupted, bit for bit on the same machine. Of a training that is
    finished, it gives the estimator again. `max_epochs` counts all epochs, and can be
    made larger.

    Parameters
    ----------
    path : str or path-like
        The file. Its folder is made if there is none. Each training needs a file of its
        own.

    See Also
    --------
    StaticClassifier : Takes it among its `callbacks`.

    Notes
    -----
    The file holds the weights, the state of the optimiser and of all that is random,
    the history, the best weights so far, what other callbacks have learnt, and digests
    of the data, but no texts. It is replaced as a whole, and read without running
    anything that may be in it. It is about four times the size of the vectors of the
    tokens that occur.

    The estimator needs a `random_state` that is the same in each run. Data and
    parameters are compared with those of the file, and a file of another training is
    refused: a search, whose fits would share the file, needs it left out.

    What callbacks of skorch know is restored, such as the step size of `LRScheduler`
    and the patience of `EarlyStopping`; so are the attributes of callbacks of your own.
    One that holds other things than numbers, texts and tensors needs methods
    `state_dict` and `load_state_dict`. Where a callback ends a training by
    `KeyboardInterrupt`, the last epoch is not written, and is trained again.

    A training of a single epoch, as that of `partial_fit`, needs no file and has none.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sk_m2v import StaticClassifier
    >>> from sk_m2v.train import ResumePoint
    >>> texts = ["a great film", "what a lovely movie", "a dull film", "boring movie"]
    >>> folder = TemporaryDirectory()
    >>> classifier = StaticClassifier(
    ...     max_epochs=3,
    ...     callbacks=[ResumePoint(f"{folder.name}/training.pt")],
    ...     random_state=0,
    ... )
    >>> _ = classifier.fit(texts, ["+", "+", "-", "-"])
    >>> _ = classifier.set_params(max_epochs=5).fit(texts, ["+", "+", "-", "-"])
    >>> [row["epoch"] for row in classifier.history_]  # only the last two are trained
    [1, 2, 3, 4, 5]
    >>> folder.cleanup()
    """

    only_watches: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_train_begin(self, net: Net, X: Any = None, **kwargs: Any) -> None:
        """Go on from the file, if there is one.

        Parameters
        ----------
        net : Net
            The net.
        X : BagDataset
            What it learns from.
        **kwargs
            Not used.

        Raises
        ------
        ValueError
            If the file is damaged, or of another training.
        """
        net.done_ = 0
        self.active_ = net.max_epochs > 1
        if not self.active_:
            return
        self.fingerprint_ = fingerprint(net, X)
        path = Path(self.path)
        if not path.exists():
            pack(net, X)  # what cannot be written is refused before it is trained
            path.parent.mkdir(parents=True, exist_ok=True)
            self.written_ = None
            return
        self.written_ = _stamp(path)
        state = _read(path)
        _check(path, state["fingerprint"], self.fingerprint_)
        n_epochs = len(state["history"])
        if n_epochs > net.max_epochs:
            raise ValueError(
                f"{shortened(path)} holds {quoted(n_epochs)} epochs, more than "
                f"max_epochs={quoted(net.max_epochs)}: make that larger, or delete the "
                "file to begin anew"
            )
        unpack(state, net, X)
        net.done_ = net.max_epochs if net.enough_ else n_epochs
        if net.verbose:
            print(f"going on after epoch {n_epochs}, from {path}")

    def on_epoch_end(
        self, net: Net, dataset_train: BagDataset | None = None, **kwargs: Any
    ) -> None:
        """Write the file.

        Parameters
        ----------
        net : Net
            The net.
        dataset_train : BagDataset
            What it learns from.
        **kwargs
            Not used.

        Raises
        ------
        ValueError
            If another training has written it meanwhile.
        """
        if not self.active_:
            return
        assert dataset_train is not None
        path = Path(self.path)
        if _stamp(path) != self.written_:
            raise ValueError(
                f"{shortened(path)} was written or deleted by another training while "
                "this one ran: each needs a file of its own, and a search, whose fits "
                "would share it, has to be without ResumePoint"
            )
        state = pack(net, dataset_train)
        _write(path, {"format": _FORMAT, "fingerprint": self.fingerprint_, **state})
        self.written_ = _stamp(path)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Which file this is; None if there is none."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _write(path: Path, state: State) -> None:
    """Write a file beside its place, see it on the disk, and rename it."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _read(path: Path) -> State:
    try:
        with zipfile.ZipFile(path) as file:
            damaged = file.testzip()
        if damaged is not None:
            raise ValueError(f"its part {shortened(damaged)} is")
        state: State = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != _FORMAT:
            raise ValueError(f"its format is {quoted(state['format'])}")
    except OSError:
        raise
    except Exception as error:  # of whatever reads archives, pickles and tensors
        raise ValueError(
            f"{shortened(path)} is damaged, or no file of ResumePoint. Delete it to "
            f"begin anew, or pass another path. It said: {shortened(error)}"
        ) from error
    return state


def _check(path: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    differ = differences(now, before)
    if differ:
        raise ValueError(
            f"{shortened(path)} is of another training, which differs in "
            f"{shortened(differ, 300)}. Delete it to begin anew, or pass another path"
        )
