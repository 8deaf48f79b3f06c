"""Displays: pictures of trainings, embeddings, benchmarks and single texts.

In come fitted estimators, or what they gave; out come `Display` objects as those of
scikit-learn: `from_...` makes one and draws it, `plot` draws it again, and attributes
that end in "_" are what matplotlib drew. Read `_drawing` first, which all of them use,
then any display; `_map_points` and `_labels` are parts of two of them.
"""

from sk_m2v._optional import require

# Named here, so that what is missing is said with the line that installs it.
require("matplotlib", extra="plot")

from sk_m2v.plotting._benchmark import BenchmarkDisplay  # noqa: E402
from sk_m2v.plotting._embedding_map import EmbeddingMapDisplay  # noqa: E402
from sk_m2v.plotting._explanation import ExplanationDisplay  # noqa: E402
from sk_m2v.plotting._history import TrainingHistoryDisplay  # noqa: E402
from sk_m2v.plotting._nearest import NearestTextsDisplay  # noqa: E402

__all__ = [
    "BenchmarkDisplay",
    "EmbeddingMapDisplay",
    "ExplanationDisplay",
    "NearestTextsDisplay",
    "TrainingHistoryDisplay",
]
