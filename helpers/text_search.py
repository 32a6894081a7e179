"""A plain search over titles, as many a shop has it: all words must be there, the closest title first, then what sells."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from helpers.errors import InputError
from helpers.interactions import UNKNOWN

_WORD = r"(?u)\b\w+\b"


class TextSearch:
    """An index over titles.

    An item is found if its title holds every word of the query; case and English words without meaning of their own (*in*, *and*)
    are ignored. Found items are ordered by the cosine between the TF-IDF vectors of query and title (Salton and Buckley 1988,
    "Term-weighting approaches in automatic text retrieval"), which puts titles first that say little else; equally close ones by
    ``sold``, then by code.

    Args:
        titles: one an item, ``(n_items,)``. sold: how well each item sells, ``(n_items,)``.

    Raises:
        InputError: not one number of sales for each title, or no title holds a word.
    """

    def __init__(self, titles: Sequence[str], sold: np.ndarray):
        if len(titles) != len(sold):
            raise InputError(f"{len(titles)} titles, but {len(sold)} numbers of sales; give one for each item")
        self._vectorizer = TfidfVectorizer(token_pattern=_WORD, stop_words="english")
        try:
            self._vectors = self._vectorizer.fit_transform([str(title) for title in titles])
        except ValueError as fault:
            raise InputError("no title holds a word, so there is nothing to search in") from fault
        self._words = (self._vectors > 0).astype(np.int64)
        self._sold = np.asarray(sold)
        self._analyze = self._vectorizer.build_analyzer()

    def search(self, query: str, k: int = 50) -> np.ndarray:
        """Return the codes of the first ``k`` items found, best first; fewer or none where fewer or none are found."""
        wanted = set(self._analyze(query))
        columns = [self._vectorizer.vocabulary_.get(word, UNKNOWN) for word in wanted]
        if not wanted or UNKNOWN in columns:
            return np.empty(0, np.int64)
        found = np.flatnonzero(np.asarray(self._words[:, columns].sum(axis=1)).ravel() == len(columns))
        close = (self._vectors[found] @ self._vectorizer.transform([query]).T).toarray().ravel().round(9)
        return found[np.lexsort((found, -self._sold[found], -close))][:k]

    def counts(self, words: Sequence[str]) -> np.ndarray:
        """Return in how many titles each word occurs, ``(n,)``."""
        held = np.append(np.asarray(self._words.sum(axis=0)).ravel(), 0)
        return held[[self._vectorizer.vocabulary_.get(word.lower(), UNKNOWN) for word in words]]

    def words_of(self, title: str) -> list[str]:
        """Return the different words of a title, lower case, the most frequent in the shop first (ties by alphabet)."""
        words = sorted(set(self._analyze(title)))
        return [words[place] for place in np.argsort(-self.counts(words), kind="stable")]
