"""What was measured of one machine and of Spark, and what more cores would make of it: a model in three numbers.

    seconds(m, n) = fixed + (alone + shared / n) * m        m million interactions, n cores

``fixed`` is what a job costs whatever its size, ``shared`` the work that is shared out, ``alone`` what is not (what the driver
does, what waits for the disk). It is Amdahl's law (1967), with a part of the work that does not grow.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import nnls

MEASURED = Path(__file__).resolve().parents[2] / "data" / "measurements" / "scale.json"
ONE_MACHINE, ONE_CORE, TWO_CORES = "one machine", "spark, 1 core", "spark, 2 cores"
"""The ways that ``benchmarks/scale.py`` measures: pandas and NumPy, and Spark on one or two cores of the same machine."""


def measured(path: Path = MEASURED) -> pd.DataFrame:
    """Return the points that ``benchmarks/scale.py`` measured.

    Columns: ``work``, ``millions``, ``way``, ``seconds``, ``peak MB``, ``java MB``, ``failed``. ``seconds`` includes the
    start of Spark; it is missing where a point broke a limit, and ``failed`` says which.
    """
    points = pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["points"])
    points = points.reindex(columns=[*dict.fromkeys([*points.columns, "start seconds", "java MB", "failed"])])
    points["seconds"] = points["seconds"] + points["start seconds"].fillna(0)
    columns = ["work", "millions", "way", "seconds", "peak MB", "java MB", "failed"]
    return points[columns].sort_values(["work", "way", "millions"]).reset_index(drop=True)


def crossing(points: pd.DataFrame, work: str) -> float:
    """Return at how many million interactions Spark's two cores become faster than one machine; NaN if they do not, as measured.

    Between two sizes that were measured the seconds are taken to grow evenly. A size at which one machine broke a limit, and
    Spark did not, counts as crossed.
    """
    table = points[points["work"] == work].pivot(index="millions", columns="way", values="seconds").sort_index()
    ahead = table[TWO_CORES] - table[ONE_MACHINE].where(table[TWO_CORES].isna(), table[ONE_MACHINE].fillna(np.inf))
    below = [size for size in table.index if ahead[size] > 0]
    above = [size for size in table.index if ahead[size] < 0 and size > max(below, default=0)]
    if not above:
        return float("nan")
    if not below or not np.isfinite(ahead[above[0]]):
        return float(above[0])
    low, high = below[-1], above[0]
    return float(low + (high - low) * ahead[low] / (ahead[low] - ahead[high]))


@dataclass(frozen=True)
class Model:
    """Seconds by size and cores; see the module's text."""

    fixed: float
    alone: float
    shared: float

    def seconds(self, millions: float, cores: float) -> float:
        """Return the seconds that a job of this size takes on so many cores."""
        return self.fixed + (self.alone + self.shared / cores) * millions


def fit(millions: Sequence[float], cores: Sequence[float], seconds: Sequence[float]) -> Model:
    """Fit the three numbers, none of them negative, to measured points; small and large points count alike.

    Args:
        millions, cores, seconds: of each point, at least three, with two sizes and two numbers of cores among them.
    """
    m, n, t = (np.asarray(values, float) for values in (millions, cores, seconds))
    terms = np.stack([np.ones_like(m), m, m / n], axis=1)
    return Model(*(float(part) for part in nnls(terms / t[:, None], np.ones_like(t))[0]))


def fit_spark(points: pd.DataFrame, work: str, up_to: float) -> Model:
    """Fit the model to Spark's points of sizes up to ``up_to`` million interactions."""
    cores = points["way"].map({ONE_CORE: 1, TWO_CORES: 2})
    use = (points["work"] == work) & cores.notna() & (points["millions"] <= up_to) & points["seconds"].notna()
    return fit(points["millions"][use], cores[use], points["seconds"][use])
