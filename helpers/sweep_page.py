"""The index page of a sweep: the main record by what was varied, every run with its records, and what failed and why."""

import html
import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import nbformat
import pandas as pd

from helpers import notebooks, pages, plots, provenance, run_files
from helpers.console import write_text
from helpers.sweep_plan import REPEATS, Plan, in_words, shown

if TYPE_CHECKING:
    from helpers.sweep import Outcome, Sweep


def write(sweep: "Sweep") -> None:
    """Write ``index.html`` into the sweep's folder."""
    title = notebooks.header(nbformat.read(sweep.plan.path, as_version=4)).title or sweep.plan.path.stem
    write_text(sweep.folder / "index.html", pages.page(f"Sweep: {title}", pages.align_words(_body(sweep, title))))


def summary(outcomes: Sequence["Outcome"], record: str) -> pd.DataFrame:
    """Return mean, lowest and highest value and number of runs of a record for each combination of what was varied but the seed.

    The highest mean comes first; the index holds the combination in words. Runs without a number of that name are left out.
    """
    rows = [
        {
            "what": in_words({name: value for name, value in outcome.task.varied.items() if name != REPEATS}),
            record: outcome.records[record],
        }
        for outcome in outcomes
        if run_files.is_number(outcome.records.get(record))
    ]
    if not rows:
        return pd.DataFrame(columns=["mean", "lowest", "highest", "runs"])
    groups = pd.DataFrame(rows).groupby("what", sort=False)[record]
    table = groups.agg(mean="mean", lowest="min", highest="max", runs="size")
    return table.sort_values("mean", ascending=False, kind="stable")


def _body(sweep: "Sweep", title: str) -> str:
    plan, done = sweep.plan, [outcome for outcome in sweep.outcomes if not outcome.error]
    varied = "; ".join(f"{name}: {', '.join(shown(name, value) for value in values)}" for name, values in plan.grid.items())
    fixed = "; ".join(f"{name} = {shown(name, value)}" for name, value in plan.fixed.items())
    parts = [
        f"<h1>Sweep: {html.escape(title)}</h1>",
        f"<p>{len(done)} of {len(sweep.outcomes)} runs of <code>{html.escape(notebooks.relative(plan.path))}</code> finished. "
        f"Varied: {html.escape(varied)}.{html.escape(f' The same in all runs: {fixed}.' if fixed else '')} "
        "All pages open without a network.</p>",
        _problems("Failed", [(o.task.label, o.error, _link(sweep, o, "as far as it came")) for o in sweep.failed]),
        _problems("Left out, because they cannot run", [(label, reason, "") for label, reason in plan.left_out.items()]),
        _main(plan, done),
        f"<h2>All runs</h2>\n{_runs(sweep, done)}" if done else "",
        f"<footer><p>Made {datetime.now():%Y-%m-%d %H:%M}. Code commit <code>{provenance.commit() or 'unknown'}</code>. "
        "Each run's folder holds the executed notebook, its page, <code>records.json</code> and <code>provenance.json</code>; "
        "<code>python -m helpers runs list</code> finds it again.</p></footer>",
    ]
    return "\n".join(filter(None, parts))


def _problems(heading: str, rows: list[tuple[str, str, str]]) -> str:
    told = "".join(f"<li><b>{html.escape(what)}</b>: {html.escape(reason)} {link}</li>" for what, reason, link in rows)
    return f'<h2>{heading}</h2>\n<ul class="bad">{told}</ul>' if rows else ""


def _main(plan: Plan, done: list["Outcome"]) -> str:
    """Return chart and table of the main record."""
    record = run_files.main_record(next((outcome.records for outcome in done), {}))
    if record is None:
        return ""
    table, name = summary(done, record), record.replace("_", " ")
    best, repeated = table.index[0], table["runs"].max() > 1
    spread = "; the lines span the lowest and highest of its seeds" if repeated else ""
    ends = (table["lowest"], table["highest"]) if repeated else (None, None)
    ax = plots.bars(table["mean"], *ends, title=f"{name}: highest for {best}", xlabel=name, highlight=best)
    alt = f"Bars of {name}, mean over seeds: " + ", ".join(f"{what} {row['mean']:.4f}" for what, row in table.iterrows()) + "."
    caption = f"{name}: mean over seeds, lowest and highest seed, number of runs"
    varied = " and ".join(key.lower() for key in plan.grid if key != REPEATS)
    return (
        f"<h2>{html.escape(name)}{html.escape(f' by {varied}' if varied else '')}</h2>\n"
        f"<p>Each bar is the mean of a setting{spread}.</p>\n"
        f"{plots.embedded(ax, alt)}\n{pages.table(table.rename_axis(None), caption)}"
    )


def _runs(sweep: "Sweep", done: list["Outcome"]) -> str:
    grid = list(sweep.plan.grid)
    names = dict.fromkeys(name for outcome in done for name in outcome.records)
    records = [name for name in names if not _only_repeats(name, done)]
    head = [name.lower() for name in grid] + [name.replace("_", " ") for name in records] + ["seconds", "page"]
    lines = []
    for outcome in done:
        first, *rest = [shown(name, outcome.task.varied[name]) for name in grid]
        rest += [_spoken(outcome.records.get(name, "")) for name in records] + [f"{outcome.seconds:.0f}"]
        cells = "".join(f"<td>{html.escape(text)}</td>" for text in rest)
        lines.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}<td>{_link(sweep, outcome, "open")}</td></tr>')
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    caption, rows = "Every finished run, with what it recorded", "\n".join(lines)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{caption}"><table><caption>{caption}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _only_repeats(record: str, done: list["Outcome"]) -> bool:
    """Return whether a record says nothing but the value of the varied parameter of its name."""
    name = record.upper()
    return all(name in o.task.varied and o.records.get(record) == o.task.varied[name] for o in done)


def _link(sweep: "Sweep", outcome: "Outcome", text: str) -> str:
    if outcome.page is None:
        return ""
    address = os.path.relpath(outcome.page, sweep.folder).replace(os.sep, "/")
    return f'<a href="{html.escape(address)}" aria-label="{html.escape(f"{text}: {outcome.task.label}")}">{text}</a>'


def _spoken(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
