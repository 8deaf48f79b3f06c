"""Trainings as runs of MLflow: parameters, epochs, scores, pictures, and the model.

In come an estimator and texts, out come a fitted estimator and what the store has of it
(`_run` opens and ends runs, `_store` says where). What is logged is one file a thing:
`_parameters`, `_metrics`, `_pictures`, `_model`, `_search`. Nothing changes
which run, experiment or store is the active one. Read `_track` first.
"""

from sk_m2v._optional import require

# Named here, so that what is missing is said with the line that installs it.
require("mlflow", extra="mlflow")

from sk_m2v.tracking._benchmark import track_benchmark  # noqa: E402
from sk_m2v.tracking._served import ServedEstimator  # noqa: E402
from sk_m2v.tracking._track import TrackedRun, track  # noqa: E402

__all__ = ["ServedEstimator", "TrackedRun", "track", "track_benchmark"]
