"""The plain search: all words, the closest title first, then what sells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.errors import InputError
from helpers.text_search import TextSearch

TITLES = ["Red Mug", "Mug in Red with Blue Dots", "Blue Mug", "Red Mug", "Tea Pot", "RED tea towel"]
SHOP = TextSearch(TITLES, np.array([1, 9, 5, 7, 2, 3]))


def test_every_word_must_be_there():
    assert set(SHOP.search("mug")) == {0, 1, 2, 3}
    assert set(SHOP.search("red MUG")) == {0, 1, 3}
    assert SHOP.search("red pot").tolist() == [] == SHOP.search("unicorn mug").tolist()


def test_short_titles_first_then_what_sells():
    assert SHOP.search("red mug").tolist() == [3, 0, 1], "equal titles by sales, the long title last although it sells best"
    assert SHOP.search("red mug", k=1).tolist() == [3]


def test_words_without_meaning_are_ignored():
    assert SHOP.search("the mug in red").tolist() == SHOP.search("red mug").tolist()
    assert len(SHOP.search("in the")) == len(SHOP.search("")) == 0


def test_words_of_a_title_most_frequent_first():
    assert SHOP.words_of("Tea for the Red Mug") == ["mug", "red", "tea"]
    assert SHOP.counts(["mug", "Red", "unicorn"]).tolist() == [4, 4, 0]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, len(TITLES) - 1), st.integers(1, 4))
def test_a_title_finds_itself_and_more_words_find_fewer(item, n):
    words = SHOP.words_of(TITLES[item])
    narrow, wide = SHOP.search(" ".join(words[: n + 1])), SHOP.search(" ".join(words[:n]))
    assert item in narrow and set(narrow) <= set(wide) and len(set(narrow)) == len(narrow)


def test_wrong_catalogues_are_refused():
    with pytest.raises(InputError, match="numbers of sales"):
        TextSearch(["a mug"], np.zeros(2))
    with pytest.raises(InputError, match="no title"):
        TextSearch(["", "the"], np.zeros(2))
