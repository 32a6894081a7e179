"""A home page for one customer: shelves in the order in which they matter to them, no item twice, as one piece of HTML.

The page needs no script, font or picture from elsewhere, reads well aloud (headings, lists, no meaning by colour alone), follows
the reader's light or dark mode, and its style touches nothing outside of it, so a notebook can show it.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.errors import InputError

_TILES = ("#0b5cad", "#8a4b00", "#00684f", "#9b2c1f", "#7a2e6e", "#2f5d8a", "#5f5a00", "#3d4852")
"""Dark enough for white letters at a contrast of 4.5 : 1 or more."""

_STYLE = """
.home-page { --ink: #1b1f24; --quiet: #57606a; --paper: #ffffff; --card: #f6f4f0; --line: #dcd7cd;
  background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", sans-serif;
  max-width: 62rem; margin: 0 auto; padding: 1.2rem 1.2rem 1.8rem; border: 1px solid var(--line); border-radius: 12px; }
@media (prefers-color-scheme: dark) { .home-page { --ink: #e9e6e1; --quiet: #aeb4bb; --paper: #15181c; --card: #21262c;
  --line: #3a424b; } }
.home-page h2 { font-size: 1.5rem; line-height: 1.2; margin: 0; border: 0; color: inherit; }
.home-page h3 { font-size: 1.05rem; margin: 1.3rem 0 .5rem; color: inherit; }
.home-page p { margin: .2rem 0 0; color: var(--quiet); }
.home-page ul { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .7rem; list-style: none;
  margin: 0; padding: 0; }
.home-page li { background: var(--card); border: 1px solid var(--line); border-radius: 9px; overflow: hidden; margin: 0; }
.home-page .tile { display: block; height: 4.2rem; line-height: 4.2rem; text-align: center; color: #ffffff; font-size: 1.5rem;
  font-weight: 600; letter-spacing: .06em; }
.home-page .name { display: block; padding: .5rem .6rem 0; font-weight: 600; min-height: 2.9em; }
.home-page .note { display: block; padding: 0 .6rem .55rem; color: var(--quiet); font-size: .85em; }
"""


@dataclass(frozen=True)
class Shelf:
    """A row of the page: its name and the codes of its items, best first."""

    name: str
    items: tuple[int, ...]


def lay_out(
    items: Sequence[int],
    scores: Sequence[float],
    categories: Sequence[str],
    *,
    shelves: int = 4,
    width: int = 5,
    first: str = "Chosen for you",
) -> list[Shelf]:
    """Arrange ranked items on shelves: the best of all, then the category that has most to offer, and so on.

    A category offers the sum of the scores of its best ``width`` items that are not on the page yet; with the scores of
    GetPersonalizedRanking that is the probability that the next item is among them. No item stands on two shelves.

    Args:
        items: ``n`` item codes. scores: of each, higher is better, ``(n,)``. categories: of each *code*, all it belongs to,
            joined by ``|``; empty = none.
        shelves: how many at most, the first included. width: items on each, at most.
        first: name of the first shelf.

    Raises:
        InputError: not one score for each item, an item given twice, or a shelf without places.
    """
    if len(items) != len(scores) or len(set(items)) < len(items) or shelves < 1 or width < 1:
        raise InputError("give each item once, with a score, and at least one shelf of at least one place")
    order = [int(items[place]) for place in np.argsort(-np.asarray(scores, float), kind="stable")]
    score = dict(zip(map(int, items), map(float, scores), strict=True))
    page, left = [Shelf(first, tuple(order[:width]))], order[width:]
    while len(page) < shelves:
        offers = _offers(left, categories, width, {shelf.name for shelf in page})
        if not offers:
            break
        name = max(offers, key=lambda category: (sum(score[item] for item in offers[category]), category))
        page.append(Shelf(name, tuple(offers[name])))
        left = [item for item in left if item not in offers[name]]
    return page


def render(
    shelves: Sequence[Shelf], titles: Sequence[str], notes: Sequence[str] | None = None, heading: str = "Welcome back"
) -> str:
    """Return the page as HTML that can stand in a notebook or, wrapped by :func:`helpers.pages.page`, alone.

    Args:
        titles: of each item code. notes: a short text under the title of each item code, such as its price.
    """
    parts = []
    for number, shelf in enumerate(shelves):
        cards = "\n".join(_card(item, str(titles[item]), "" if notes is None else str(notes[item])) for item in shelf.items)
        head = f'<section aria-labelledby="shelf-{number}">\n<h3 id="shelf-{number}">{html.escape(shelf.name)}</h3>'
        parts.append(f"{head}\n<ul>\n{cards}\n</ul>\n</section>")
    lead = f"{sum(len(shelf.items) for shelf in shelves)} things, picked for you; the nearest to your taste first."
    return (
        f'<style>{_STYLE}</style>\n<div class="home-page">\n<h2>{html.escape(heading)}</h2>\n<p>{lead}</p>\n'
        + "\n".join(parts)
        + "\n</div>\n"
    )


def _offers(left: list[int], categories: Sequence[str], width: int, taken: set[str]) -> dict[str, list[int]]:
    """Return category -> its best ``width`` items among those left, without categories that have a shelf already."""
    offers: dict[str, list[int]] = {}
    for item in left:
        for category in filter(None, str(categories[item]).split("|")):
            found = offers.setdefault(category, [])
            if len(found) < width:
                found.append(item)
    return {category: found for category, found in offers.items() if category not in taken}


def _card(item: int, title: str, note: str) -> str:
    letters = "".join(word[0] for word in title.split()[:2]).upper()
    tile = f'<span class="tile" aria-hidden="true" style="background: {_TILES[item % len(_TILES)]}">{html.escape(letters)}</span>'
    return f'<li>{tile}<span class="name">{html.escape(title)}</span><span class="note">{html.escape(note)}</span></li>'
