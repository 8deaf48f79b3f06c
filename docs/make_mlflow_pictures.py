"""Make the pictures of ``docs/guide/tracking.rst``, of a real server of MLflow.

    python docs/make_mlflow_pictures.py

Trains three classifiers on docstrings, as ``examples/quickstart.py`` reads them, and
photographs the pages of the server with Chromium, which has to be installed (on Debian:
``apt-get install chromium``).
"""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from mlflow import MlflowClient
from PIL import Image
from sklearn.model_selection import GroupShuffleSplit

from sk_m2v import FeatureExtractionClassifier, FromScratchClassifier, StaticClassifier
from sk_m2v.tracking import TrackedRun, track

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "_static" / "mlflow"
sys.path.insert(0, str(ROOT / "tests"))

from mlflow_server import mlflow_server  # noqa: E402

# Milliseconds that a page has to load, by its own clock, which can be fast.
LOADING = 90_000
# Pixels of a window, and the part of it that is kept: the panel at the right is about
# something else.
WINDOW, KEPT = 1532, 0.742
# Pages for models, not for prompts.
MODELS = "workflowType=machine_learning"
SETTINGS = {"max_epochs": 12, "validation_fraction": 0.1, "random_state": 0}
KINDS = (FeatureExtractionClassifier, StaticClassifier, FromScratchClassifier)


def fit_all(address: str) -> list[TrackedRun]:
    """A run in each section, and its scores in ``Benchmark``."""
    quickstart = runpy.run_path(str(ROOT / "examples" / "quickstart.py"))
    texts, labels, modules = quickstart["docstring_paragraphs"]()
    # As there: no module is in both parts.
    split = GroupShuffleSplit(1, test_size=0.25, random_state=0)
    ((train, test),) = split.split(texts, groups=modules)
    X, X_test = ([texts[i] for i in part] for part in (train, test))
    y, y_test = ([labels[i] for i in part] for part in (train, test))
    tracked = []
    for kind in KINDS:
        more = {} if kind is KINDS[0] else SETTINGS
        tracked.append(
            track(
                kind(lexical=kind is KINDS[0], **more),
                X,
                y,
                X_test=X_test,
                y_test=y_test,
                tracking_uri=address,
                configuration={"data": "docstrings", "test_size": 0.25},
            )
        )
    return tracked


def photograph(url: str, name: str, height: int, window: int = WINDOW) -> None:
    """Picture of a page, once it has loaded."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Chromium is needed: apt-get install chromium")
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={window},{height}",
                f"--virtual-time-budget={LOADING}",
                f"--screenshot={picture}",
                url,
            ],
            check=True,
            stderr=subprocess.DEVNULL,
            timeout=180,
        )
        page = Image.open(picture).convert("RGB")
        page = page.crop((0, 0, int(KEPT * window), height))
        page.quantize(128).save(PICTURES / f"{name}.png", optimize=True)


def main() -> None:
    """Train, and photograph."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        mlflow_server(Path(folder)) as address,
    ):
        tracked = fit_all(address)
        tuned = tracked[1]
        client = MlflowClient(address)
        scores = client.get_run(tuned.benchmark_run_id).info.experiment_id
        pages = f"{address}/#/experiments"
        run = f"{pages}/{tuned.experiment_id}/runs/{tuned.run_id}"
        charts = f"{pages}/{scores}/runs?compareRunsMode=CHART"
        query = {
            "runs": [tuned.run_id],
            "experiments": [tuned.experiment_id],
            "metric": "valid_loss",
            "plot_metric_keys": ["train_loss", "valid_loss"],
        }
        losses = urlencode({name: json.dumps(it) for name, it in query.items()})
        losses = f"{address}/#/metric?{losses}&x_axis=step"
        photograph(f"{pages}?{MODELS}", "sections", 420)
        photograph(f"{charts}&{MODELS}", "benchmark", 1000)
        photograph(f"{run}?{MODELS}", "run", 1300)
        photograph(f"{losses}&{MODELS}", "epochs", 720, window=1900)
        photograph(f"{run}/artifacts/confusion_matrix.png?{MODELS}", "files", 820)


if __name__ == "__main__":
    main()
