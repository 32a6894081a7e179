"""The home page: shelves in the right order, no item twice, and HTML that stands alone and reads well."""

import re

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import pages
from helpers.errors import InputError
from helpers.home_page import _TILES, Shelf, lay_out, render

CATEGORIES = ["Mugs", "Mugs|Gifts", "Gifts", "Mugs", "Toys", "Toys|Gifts", ""]
SCORES = [0.30, 0.20, 0.15, 0.12, 0.11, 0.08, 0.04]


def test_shelves_by_hand():
    page = lay_out(range(7), SCORES, CATEGORIES, shelves=3, width=2)
    assert page[0] == Shelf("Chosen for you", (0, 1))
    # left: Gifts offers items 2 and 5 (0.23), Toys 4 and 5 (0.19), Mugs 3 (0.12); then Toys has only 4 (0.11)
    assert page[1:] == [Shelf("Gifts", (2, 5)), Shelf("Mugs", (3,))]


def test_the_order_of_the_input_does_not_matter():
    mixed = [5, 2, 6, 0, 3, 1, 4]
    assert lay_out(mixed, [SCORES[i] for i in mixed], CATEGORIES, width=2) == lay_out(range(7), SCORES, CATEGORIES, width=2)


def test_without_categories_there_is_one_shelf():
    assert lay_out([0, 1, 2], [3, 2, 1], ["", "", ""], width=2) == [Shelf("Chosen for you", (0, 1))]
    assert lay_out([], [], []) == [Shelf("Chosen for you", ())]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(CATEGORIES)), max_size=40), st.integers(1, 6), st.integers(1, 6))
def test_no_item_twice_no_shelf_too_long_and_every_item_where_it_belongs(drawn, shelves, width):
    scores, categories = [score for score, _ in drawn], [category for _, category in drawn]
    page = lay_out(range(len(drawn)), scores, categories, shelves=shelves, width=width)
    shown = [item for shelf in page for item in shelf.items]
    assert len(shown) == len(set(shown)) and len(page) <= shelves and all(len(shelf.items) <= width for shelf in page)
    assert len({shelf.name for shelf in page}) == len(page)
    for shelf in page[1:]:
        assert shelf.items and all(shelf.name in categories[item].split("|") for item in shelf.items)
        assert all(scores[a] >= scores[b] for a, b in zip(shelf.items, shelf.items[1:], strict=False))
    assert not page[0].items or min(scores[item] for item in page[0].items) >= max(
        (scores[item] for item in shown[width:]), default=0
    )


def test_html_is_one_piece_and_reads_well():
    titles = ["<b>Mug</b> & Co", "Tea Pot"]
    text = render([Shelf("For <you>", (1, 0))], titles, ["2.50", "3.00"], heading="Welcome")
    page = BeautifulSoup(text, "html.parser")
    assert [item.select_one(".name").text for item in page.find_all("li")] == ["Tea Pot", "<b>Mug</b> & Co"]
    assert page.h2.text == "Welcome" and page.h3.text == "For <you>" and page.section["aria-labelledby"] == page.h3["id"]
    assert all(tile["aria-hidden"] == "true" for tile in page.select(".tile"))
    assert not pages.references(text) and "<script" not in text
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", page.style.text)
    assert selectors and all(one.strip().startswith(".home-page") for one in selectors), (
        "a rule would reach the notebook around it"
    )


def luminance(colour: str) -> float:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colour", _TILES)
def test_white_letters_can_be_read_on_every_tile(colour):
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5  # WCAG 2.1, contrast ratio


def test_wrong_pages_are_refused():
    for items, scores, more in (([1, 1], [1, 2], {}), ([0, 1], [1], {}), ([0], [1], {"width": 0}), ([0], [1], {"shelves": 0})):
        with pytest.raises(InputError, match="shelf"):
            lay_out(items, scores, CATEGORIES, **more)
