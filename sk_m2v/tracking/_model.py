"""The fitted estimator as a model of MLflow, without pickles where that can be."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import packages_distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cloudpickle
import mlflow.pyfunc
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from sk_m2v._text import as_texts
from sk_m2v._version import package_version
from sk_m2v.tracking._served import ARTIFACT, METHOD, TEXTS, default_method

# Rows of the example that is stored with a model.
_EXAMPLES = 3
# What predicting computes with.
_ALWAYS = ("numpy", "safetensors", "scikit-learn", "scipy", "tokenizers")
# "Models from code" of MLflow: else it would pickle an object that holds nothing.
_CODE = """\
from mlflow.models import set_model

from sk_m2v.tracking import ServedEstimator

set_model(ServedEstimator())
"""


def log_model(
    client: MlflowClient,
    run_id: str,
    experiment_id: str,
    estimator: Any,
    X: Any,
    *,
    name: str,
    registered_model_name: str | None,
) -> str:
    """Log a fitted estimator as a model of a run.

    Parameters
    ----------
    client : MlflowClient
        The store.
    run_id : str
        The run.
    experiment_id : str
        Its experiment.
    estimator : estimator
        A fitted estimator.
    X : array-like
        What it was fitted to; the first rows become the example.
    name : str
        Name of the model.
    registered_model_name : str or None
        Name in the registry of models, which gets a new version.

    Returns
    -------
    str
        Address of the model.
    """
    model = client.create_logged_model(
        experiment_id,
        name=name,
        source_run_id=run_id,
        model_type=type(estimator).__name__,
    )
    try:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        with TemporaryDirectory() as folder:
            described = Model(
                artifact_path=model.artifact_location,
                model_uuid=model.model_id,
                run_id=run_id,
                model_id=model.model_id,
            )
            path = Path(folder) / "model"
            save_model(path, estimator, X, mlflow_model=described)
            client.log_model_artifacts(model.model_id, str(path))
    except BaseException:
        with suppress(MlflowException):
            client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.finalize_logged_model(model.model_id, "READY")
    if registered_model_name is not None:
        with suppress(MlflowException):  # there is one already
            client.create_registered_model(registered_model_name)
        client.create_model_version(
            registered_model_name,
            # "models:/..." would be looked up in the store that is the active one.
            source=model.artifact_location,
            run_id=run_id,
            model_id=model.model_id,
        )
    return f"models:/{model.model_id}"


def save_model(
    path: Path, estimator: Any, X: Any, mlflow_model: Model | None = None
) -> None:
    """Write a folder that ``mlflow.pyfunc.load_model`` loads.

    Parameters
    ----------
    path : Path
        The folder, which must not exist.
    estimator : estimator
        A fitted estimator.
    X : array-like
        What it was fitted to.
    mlflow_model : Model or None, default=None
        What MLflow knows about the model already.
    """
    example = X.iloc[:_EXAMPLES] if hasattr(X, "iloc") else X[:_EXAMPLES]
    method = default_method(estimator)
    texts = _taken_texts(estimator, method, example)
    if texts is not None:
        example = texts
    with TemporaryDirectory() as folder:
        artifact, modules = _write_estimator(estimator, Path(folder) / ARTIFACT)
        code = Path(folder) / "served.py"
        code.write_text(_CODE, encoding="utf-8")
        mlflow.pyfunc.save_model(
            path,
            python_model=str(code),
            artifacts={ARTIFACT: artifact.as_uri()},
            model_config={TEXTS: texts is not None},
            signature=_signature(estimator, method, example, texts is not None),
            input_example=example,
            pip_requirements=_requirements(modules),
            mlflow_model=mlflow_model,
        )


def _taken_texts(estimator: Any, method: str, example: Any) -> list[str] | None:
    """The example as texts, if the estimator takes them: a pipeline may want frames."""
    try:
        texts = as_texts(example, missing="empty")
        getattr(estimator, method)(texts)
    except Exception:
        return None
    return texts


def _signature(
    estimator: Any, method: str, example: Any, is_texts: bool
) -> ModelSignature:
    # Without a name, so that a column may have any: MLflow makes frames of all.
    inputs = (
        Schema([ColSpec(DataType.string)])
        if is_texts
        else infer_signature(example).inputs
    )
    outputs = None
    # Lists of labels may be empty, which tells nothing of their type.
    with suppress(MlflowException):
        predicted = getattr(estimator, method)(example)
        outputs = infer_signature(example, predicted).outputs
    params = ParamSchema([ParamSpec(METHOD, DataType.string, method)])
    return ModelSignature(inputs, outputs, params)


def _write_estimator(estimator: Any, path: Path) -> tuple[Path, set[str]]:
    """Write a folder without code or, where there is none, a pickle.

    With it come the modules that loading it needs.
    """
    if hasattr(estimator, "save_pretrained"):
        # What has a head of another package, say, has no such folder.
        with suppress(TypeError):
            estimator.save_pretrained(path)
            return path, set()
    file = path.with_suffix(".pkl")
    file.write_bytes(cloudpickle.dumps(estimator))
    with file.open("rb") as content:
        reader = _Recorder(content)
        reader.load()  # what cannot be read again is noticed now
    return file, reader.modules


class _Recorder(pickle.Unpickler):
    """Reads a pickle, and remembers which packages it asked for."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.modules: set[str] = set()

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        self.modules.add(module_name.partition(".")[0])
        return super().find_class(module_name, global_name)


def _requirements(modules: set[str]) -> list[str]:
    """Packages, pinned to what is installed; MLflow adds itself."""
    packages = packages_distributions()
    more = {
        name
        for module in modules - {"sk_m2v", "mlflow"} - sys.stdlib_module_names
        for name in packages.get(module, [])
    }
    names: Sequence[str] = sorted({*_ALWAYS, *more})
    pinned = [f"{name}=={version(name)}" for name in names]
    return [f"sk-m2v=={package_version()}", *pinned]
