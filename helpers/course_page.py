"""The index page of a course: the map of the notebooks, what each recorded, and the leaderboard."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from helpers import notebooks, pages, provenance
from helpers.datasets import Dataset


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook; ``error`` is one line, empty after success; ``skipped`` says why it was not run."""

    path: Path
    title: str
    promise: str
    read_and_run: str
    seconds: float
    error: str = ""
    skipped: str = ""
    records: dict[str, Any] = field(default_factory=dict)

    @property
    def page(self) -> str:
        """Address of the notebook's page, relative to the index."""
        return self.path.relative_to(notebooks.NOTEBOOKS.parent).with_suffix(".html").as_posix()


def index(outcomes: Sequence[Outcome], board: str, board_error: str, data: Dataset, seconds: float) -> str:
    """Return the index page as HTML.

    Args:
        outcomes: what became of each notebook, in order.
        board: the leaderboard as HTML; empty where ``board_error`` says why there is none.
        data: what the course ran on.
        seconds: how long it all took.
    """
    lessons = [outcome for outcome in outcomes if outcome.path.parent == notebooks.NOTEBOOKS]
    reports = [outcome for outcome in outcomes if outcome.path.parent != notebooks.NOTEBOOKS]
    events = data.interactions
    versions = ", ".join(f"{name} {version}" for name, version in provenance.versions().items())
    body = [
        f"<h1>The course on {html.escape(data.name)}</h1>",
        f"<p>{len(events):,} interactions of {events.n_users:,} users with {events.n_items:,} items. "
        f'Every page below opens without a network. <a href="#leaderboard">To the leaderboard</a></p>',
        f"<h2>Lessons</h2>\n<ul class='cards'>{''.join(map(_card, lessons))}</ul>",
        f"<h2>Reports</h2>\n<ul class='cards'>{''.join(map(_card, reports))}</ul>" if reports else "",
        '<h2 id="leaderboard">Leaderboard</h2>',
        board or f'<p class="bad">Not measured: {html.escape(board_error)}</p>',
        '<p>The same as a table of all metrics: <a href="leaderboard.csv">leaderboard.csv</a></p>' if board else "",
        f"<footer><p>Made {datetime.now():%Y-%m-%d %H:%M} in {seconds:.0f} s. Data SHA-256 <code>{data.sha256}</code>. "
        f"Code commit <code>{provenance.commit() or 'unknown'}</code>. {html.escape(versions)}</p></footer>",
    ]
    return pages.page(f"The course on {data.name}", "\n".join(filter(None, body)))


def _card(outcome: Outcome) -> str:
    title = html.escape(outcome.title or outcome.path.stem)
    if outcome.skipped:
        state = "not run here"
    else:
        state = (
            '<span class="bad">failed</span>' if outcome.error else f'<span class="good">ran in {outcome.seconds:.0f} s</span>'
        )
        title = f'<a href="{html.escape(outcome.page)}">{title}</a>'
    plan = f"Read + run: {outcome.read_and_run}; " if outcome.read_and_run else ""
    spoken = {name.replace("_", " "): _spoken(value) for name, value in outcome.records.items()}
    numbers = "".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in spoken.items())
    return (
        f"<li><h3>{title}</h3>"
        f"<p>{html.escape(outcome.promise)}</p><p><small>{html.escape(plan)}{state}</small></p>"
        + (f'<p class="bad">{html.escape(outcome.error)}</p>' if outcome.error else "")
        + (f"<p>{html.escape(outcome.skipped)}</p>" if outcome.skipped else "")
        + (f"<dl>{numbers}</dl>" if numbers else "")
        + "</li>"
    )


def _spoken(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
