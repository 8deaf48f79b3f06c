"""`FineTuned`: training the embedding and the head together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import get_scorer_names

from sk_m2v._device import find_device
from sk_m2v._forked import safe_threads
from sk_m2v._messages import listed, quoted
from sk_m2v._optional import require
from sk_m2v._sklearn import FitTask
from sk_m2v.train.fitting._parameters import HeadParameters, NetParameters
from sk_m2v.train.fitting._trainable_rows import TrainableRows
from sk_m2v.train.heads._head import Head
from sk_m2v.train.labels._data import Task

# From the scores of all validation texts to how good they are.
Score = Callable[[npt.NDArray[np.float64]], float]


# Texts to validate with at a time.
_VALIDATION_BATCH_SIZE = 4096


def require_training() -> None:
    """Raise an ImportError that says what to install where torch or skorch is not."""
    require("torch", extra="train")
    require("skorch", extra="train")


class TrainsNet(NetParameters):
    """What is trained with torch, and has a `net_` from then on.

    The net holds the optimiser and torch's tensors. What is fitted does not need it,
    and so it is not part of a pickle.
    """

    def __getstate__(self) -> Any:
        state = dict(super().__getstate__())  # type: ignore[call-overload]
        state.pop("net_", None)
        return state

    def _batch_size(self, n_texts: int) -> int:
        """Texts a step: by default for about a hundred steps an epoch."""
        if self.batch_size == "auto":
            return int(np.clip(n_texts // 100, 32, 512))
        return self.batch_size

    def _check_means(self) -> None:
        """Check that there is all that training needs, before anything is read.

        Not with the other parameters: what was trained on another machine loads on one
        that could not train it.
        """
        require_training()
        from sk_m2v.train.callbacks._given import check_callbacks

        find_device(self.device)
        check_callbacks(self.callbacks or (), vars(self)["random_state"])

    def _train(
        self,
        module: Any,
        data: Any,
        criterion: Any,
        *,
        kind: type,
        validation: Any,
        max_epochs: int,
        seed: int,
        fit: FitTask,
        learnt: Callable[[Any], dict[str, Any]],
        validation_batch_size: int = _VALIDATION_BATCH_SIZE,
        score: Score | None = None,
        scoring: str = "loss",
        before: Sequence[dict[str, Any]] = (),
    ) -> dict[str, Any]:
        """Train a module, and return fitted attributes.

        `learnt` makes some of them from the module, on the processor.
        """
        from sk_m2v.train.callbacks._given import in_order
        from sk_m2v.train.fitting import _net
        from sk_m2v.train.fitting._epochs import Epochs

        def fitted(net: Any, module: Any) -> dict[str, Any]:
            history, best_epoch = _net.outcome(net)
            return {
                "history_": [*before, *history],
                "n_iter_": len(before) + len(history),
                "best_epoch_": len(before) + best_epoch,
                **learnt(module),
            }

        epochs = Epochs(fit, lambda net: fitted(net, _net.snapshot(net)))
        callbacks = [*(self.callbacks or ()), *([epochs] if fit.is_followed else [])]
        if self.verbose and max_epochs:
            print(f"[{type(self).__name__}] up to {max_epochs} epochs:")
        net = _net.train(
            module,
            data,
            criterion,
            kind=kind,
            optimizer=self.optimizer,
            lr=self.lr,
            batch_size=self._batch_size(len(data)),
            max_epochs=max_epochs,
            validation=validation,
            validation_batch_size=validation_batch_size,
            score=score,
            scoring=scoring,
            patience=self.patience,
            callbacks=in_order(callbacks),
            device=str(find_device(self.device)),
            seed=seed,
            verbose=int(self.verbose),
        )
        return {"net_": net, **fitted(net, module.cpu().eval())}


class FineTuned(HeadParameters, TrainsNet):
    """What trains the embedding and the head together.

    Training starts from a linear model on the frozen features, so that it only has to
    make better what is good already. The weights of the lexical features are those of
    that model: training them, too, changed no score on average, and took most of the
    time.
    """

    def _validate_params(self) -> None:
        """Check parameters, the scorer's name by what scikit-learn knows."""
        super()._validate_params()  # type: ignore[misc]
        names = ["loss", *get_scorer_names()]
        if self.scoring not in names:
            near = get_close_matches(self.scoring, names, n=3, cutoff=0)
            raise ValueError(
                f"scoring must be 'loss' or the name of a scorer of scikit-learn, got "
                f"{quoted(self.scoring)}. The nearest are {listed(near)}"
            )

    # --- What a subclass may replace --------------------------------------------------

    def build_head(self, n_inputs: int, n_outputs: int) -> Any:
        """Make the part of the network that turns embeddings into scores.

        Replace it in a subclass for another architecture. A head of linear layers,
        ReLU, Tanh, LayerNorm and dropout predicts without torch; of other modules,
        prediction needs torch, and the estimator cannot be written to a folder.

        Parameters
        ----------
        n_inputs : int
            Dimensions of the embedding, which has length 1.
        n_outputs : int
            Number of classes, labels or targets.

        Returns
        -------
        torch.nn.Module
            By default one linear layer, or `n_layers` hidden ones with ReLU.
        """
        from sk_m2v.train.fitting._module import default_head

        return default_head(
            n_inputs,
            n_outputs,
            n_layers=self.n_layers,
            hidden_dim=self.hidden_dim,
            dropout=self.dropout,
        )

    def build_module(
        self,
        vectors: npt.NDArray[np.float32],
        head: Any,
    ) -> Any:
        """Make the network that is trained.

        Replace it in a subclass to train otherwise, for example with noise. Whatever
        happens in training, predictions are made with the ``vectors`` and the ``head``
        that the module has in the end.

        Parameters
        ----------
        vectors : ndarray of shape (n_rows, dim), dtype float32
            Vectors of the tokens that occur.
        head : torch.nn.Module
            From `build_head`.

        Returns
        -------
        sk_m2v.train.BagModule
            The network.
        """
        from sk_m2v.train.fitting._module import BagModule

        return BagModule(vectors, head, freeze=self.freeze)

    # --- Learning ---------------------------------------------------------------------

    def _resumes(self) -> bool:
        """Whether `fit` goes on from what is fitted."""
        return bool(self.warm_start) and hasattr(self, "_head")

    @safe_threads()
    def _fine_tune(
        self,
        task: Task,
        *,
        start: Head,
        criterion: Any,
        kind: type,
        judge: Score,
        max_epochs: int,
        finish: Callable[[Head], Head] = lambda head: head,
    ) -> dict[str, Any]:
        """Train from a start, and return fitted attributes."""
        from sk_m2v.train.fitting import _module, _random
        from sk_m2v.train.fitting._bags import BagDataset

        embedding, train, validation = task.embedding, task.train, task.validation
        texts = [it.tokens for it in (train, validation) if it is not None]
        rows = TrainableRows(embedding, *texts)
        seed = task.random_state.randint(2**31 - 1)
        # Modules are made with torch's global state: by one thread at a time.
        with _random.LOCK, _random.global_seed(seed):
            head = self.build_head(embedding.dim, start.lexical.shape[1])
            if task.resume:
                _module.load_layers(head, start.layers)
            elif type(self).build_head is FineTuned.build_head:
                _module.start_from_linear(head, start.layers[0])
            module = self.build_module(rows.vectors, head)
        data = BagDataset(
            rows.rows(train.tokens),
            start.lexical_scores(train.features.blocks),
            train.Y,
            train.weights.astype(np.float32),
            token_dropout=self.token_dropout,
            random_state=np.random.RandomState(seed),
        )
        validation_data = None
        if validation is not None:
            validation_data = BagDataset(
                rows.rows(validation.tokens),
                start.lexical_scores(validation.features.blocks),
                validation.Y,
            )

        def learnt(module: Any) -> dict[str, Any]:
            if self.freeze:
                tuned = embedding.replace(normalize=True)
            else:
                tuned = rows.put_back(module.vectors.detach().numpy())
            head = Head(_module.to_layers(module.head), start.lexical)
            return {**task.known, "embedding_": tuned, "_head": finish(head)}

        return self._train(
            module,
            data,
            criterion,
            kind=kind,
            validation=validation_data,
            score=None if self.scoring == "loss" else judge,
            scoring=self.scoring,
            max_epochs=max_epochs,
            seed=seed,
            fit=task.fit,
            learnt=learnt,
            before=getattr(self, "history_", ()) if task.resume else (),
        )
