"""From the epochs of skorch to the tasks of scikit-learn's callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from skorch.callbacks import Callback

from sk_m2v._sklearn import FitTask
from sk_m2v.train.fitting._nets import Net


class Epochs(Callback):
    """Tells callbacks of scikit-learn of each epoch, and stops if one wants it.

    Parameters
    ----------
    fit : FitTask
        The task whose steps are the epochs.
    attributes : callable
        From the net to what an estimator would have if its fit had ended now.
    """

    only_watches: ClassVar[bool] = True

    def __init__(
        self, fit: FitTask, attributes: Callable[[Net], dict[str, Any]]
    ) -> None:
        self.fit = fit
        self.attributes = attributes

    def on_train_begin(self, net: Net, **kwargs: Any) -> None:
        """Nothing is going on yet.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        self.epoch_: FitTask | None = None

    def on_epoch_begin(self, net: Net, **kwargs: Any) -> None:
        """Begin a task.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        self.epoch_ = self.fit.begin("epoch")

    def on_epoch_end(self, net: Net, **kwargs: Any) -> None:
        """End the task.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        assert self.epoch_ is not None
        epoch, self.epoch_ = self.epoch_, None
        if epoch.end(lambda: self.attributes(net)):
            net.enough_ = True

    def on_train_end(self, net: Net, **kwargs: Any) -> None:
        """End an epoch that was interrupted, and leave: the net stays, without texts.

        Parameters
        ----------
        net : Net
            The net.
        **kwargs
            Not used.
        """
        if self.epoch_ is not None:
            self.epoch_.end()
        net.callbacks.remove(self)
        net.callbacks_ = [it for it in net.callbacks_ if it[1] is not self]
