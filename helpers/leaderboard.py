"""The leaderboard: every recipe that recommends items, measured alike on one data set."""

import base64
import dataclasses
import html
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from helpers import pages, plots, recipes
from helpers.datasets import Dataset
from helpers.errors import InputError
from helpers.evaluation import MAIN_METRICS, NDCG, Record, compare, evaluate
from helpers.recipes.base import PERSONALIZED_RANKING, USER_SEGMENTATION

SPLITS = ("personalize", "temporal")
SHORT = {
    NDCG: "NDCG@25",
    f"{NDCG}_aws": "NDCG@25 (service)",
    "mean_reciprocal_rank_at_25": "MRR@25",
    "precision_at_5": "precision@5",
    "precision_at_25": "precision@25",
    "coverage": "coverage",
}
"""The names of the main metrics where a table has little room."""

QUICK = {"hidden_dimension": 64, "epochs": 4}
"""Settings of the recipes with a network: smaller and shorter than their defaults, so that a course takes minutes."""

_COST = ("test_users", "train_seconds", "score_seconds", "peak_mb", "seed")
_QUESTIONS = {
    "personalize": "The service's own split: the newest tenth of the events of test users",
    "temporal": "Split by time: what users take after one moment",
}


@dataclass(frozen=True)
class Leaderboard:
    """What was measured: records by split, in the order of the registry; ``skipped`` says which recipe lacks what data."""

    dataset: str
    records: dict[str, list[Record]]
    skipped: dict[str, str]

    @property
    def frame(self) -> pd.DataFrame:
        """A row a split and recipe, best first within its split: all metrics and what they cost."""
        rows = []
        for split, records in self.records.items():
            for record in sorted(records, key=lambda r: -r.metrics[NDCG]):
                cost = {name: getattr(record, name) for name in _COST}
                rows.append({"dataset": self.dataset, "split": split, "recipe": record.recipe, **record.metrics, **cost})
        return pd.DataFrame(rows)

    def write_csv(self, path: str | Path) -> None:
        """Write :attr:`frame` as CSV with 6 significant digits."""
        self.frame.to_csv(path, index=False, float_format="%.6g", encoding="utf-8")

    def to_html(self) -> str:
        """Return, for each split, a chart with intervals and a table, as HTML that needs no other file."""
        sections = [self._section(split, records) for split, records in self.records.items()]
        notes = [f"<p>Not measured: {html.escape(reason)}</p>" for reason in self.skipped.values()]
        return "\n".join(sections + notes)

    def _section(self, split: str, records: list[Record]) -> str:
        ranked = compare(records)
        main = {record.recipe: {SHORT[name]: record.metrics[name] for name in MAIN_METRICS} for record in records}
        table = pd.DataFrame(main).T.loc[ranked.index]
        table["p-value"] = ["" if name == ranked.index[0] else _p_value(p) for name, p in ranked["p-value"].items()]
        table["train s"] = [f"{seconds:.2f}" for seconds in ranked["train_seconds"]]
        users, items = records[0].test_users, records[0].items
        caption = (
            f"{users:,} test users, {items:,} items; p-value: paired test against the best; train s: seconds to train; "
            f"recipes with a network: {', '.join(f'{name} {value}' for name, value in QUICK.items())}"
        )
        values = ", ".join(f"{name} {row[NDCG]:.4f} ({row['low']:.4f} to {row['high']:.4f})" for name, row in ranked.iterrows())
        alt = f"NDCG at 25 with 95 % intervals, best first: {values}."
        return (
            f'<h3 id="{split}">{html.escape(_QUESTIONS[split])}</h3>\n'
            f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{_chart(ranked)}">\n{pages.table(table, caption)}'
        )


def measure(dataset: Dataset, seed: int = 0) -> Leaderboard:
    """Evaluate every registered recipe that recommends items under each of ``SPLITS``: with its default hyperparameters, those
    with a network with :data:`QUICK`.

    A recipe that the data cannot feed (it needs item attributes, say) is skipped with its reason, and so is Personalized-Ranking,
    which orders given lists with the scorer of User-Personalization.

    Raises:
        InputError: no recipe can be measured: the data set is too small to train or test on.
    """
    records: dict[str, list[Record]] = {split: [] for split in SPLITS}
    skipped: dict[str, str] = {}
    for name in recipes.names():
        if recipes.get(name).type == USER_SEGMENTATION:
            continue
        if recipes.get(name).type == PERSONALIZED_RANKING:
            skipped[name] = f"{name}: it orders given lists with the scorer of aws-user-personalization"
            continue
        fields = {field.name for field in dataclasses.fields(recipes.get(name))}
        recipe = recipes.create(name, QUICK if QUICK.keys() <= fields else {})
        try:
            measured = {split: evaluate(dataset, recipe, split, seed) for split in SPLITS}
        except InputError as reason:
            skipped[name] = str(reason)
            continue
        for split, record in measured.items():
            records[split].append(record)
    if not all(records.values()):
        raise InputError(next(iter(skipped.values())))
    return Leaderboard(dataset.name, records, skipped)


def _p_value(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _chart(ranked: pd.DataFrame) -> str:
    """Return a bar chart of NDCG with intervals as base64 PNG."""
    best = ranked.index[0]
    labels = {"title": f"{best} ranks best", "xlabel": "NDCG@25 (95 % interval over users)"}
    ax = plots.bars(ranked[NDCG], ranked["low"], ranked["high"], highlight=best, **labels)
    buffer = io.BytesIO()
    ax.figure.savefig(buffer, format="png")
    plt.close(ax.figure)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
