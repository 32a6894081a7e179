"""Item attributes as vectors: words of titles, categories and binned numbers, weighted by how telling they are (TF-IDF)."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from helpers.datasets.dataset import Dataset
from helpers.errors import InputError
from helpers.interactions import ITEM_ID, USER_ID
from helpers.schemas import Field, infer

CREATION_TIMESTAMP = "CREATION_TIMESTAMP"
MAX_BINS = 10


def item_vectors(dataset: Dataset) -> sp.csr_matrix:
    """Return one vector an item, float32 CSR ``(n_items, n_tokens)``, rows of length 1 (length 0 without attributes).

    Every attribute becomes tokens: a text its words, a category each of its values (``a|b`` is two), a number the decile it
    falls in. Each attribute is weighted by TF-IDF and scaled to length 1 on its own, so that a long text does not outweigh a
    category; then all are set side by side. Source: Salton & Buckley 1988 for TF-IDF.

    Raises:
        InputError: the dataset has no item data, or no column that says anything about an item.
    """
    if dataset.items is None:
        raise InputError(f"{dataset.name}: no item data; this recipe needs items.csv with titles or categories")
    blocks = _blocks(dataset)
    if not blocks:
        columns = list(dataset.items.columns)
        raise InputError(f"{dataset.name}: item data hold no usable text, category or number; columns found: {columns}")
    joined = sp.hstack(blocks, format="csr")
    lengths = np.sqrt(np.asarray(joined.multiply(joined).sum(axis=1)).ravel())
    vectors = sp.csr_matrix(sp.diags(1 / np.where(lengths > 0, lengths, 1)) @ joined, dtype=np.float32)
    vectors.sort_indices()
    return vectors


def has_item_attributes(dataset: Dataset) -> bool:
    """Return whether :func:`item_vectors` would find anything to describe items by."""
    return dataset.items is not None and len(dataset.items.columns) > 0 and bool(_blocks(dataset))


def _blocks(dataset: Dataset) -> list[sp.csr_matrix]:
    """Return the vectors of each attribute that has any value."""
    blocks = [_vectors(tokens_of(dataset.items[field.name], field)) for field in described_fields(dataset)]
    return [block for block in blocks if block is not None]


def described_fields(dataset: Dataset, kind: str = "item") -> list[Field]:
    """Return the columns that describe items (or users), in the order of the table: by the schema, or by what values look like.

    Args:
        kind: ``item`` or ``user``.
    """
    table, key, name = (dataset.items, ITEM_ID, "Items") if kind == "item" else (dataset.users, USER_ID, "Users")
    schema = dataset.schemas.get(name) or infer(table.reset_index(), name)
    fields = {field.name: field for field in schema.fields}
    named = [fields[column] for column in table.columns if column in fields and column not in (key, CREATION_TIMESTAMP)]
    return [field for field in named if field.type != "string" or field.categorical or field.textual]


def tokens_of(column: pd.Series, field: Field) -> list[list[str]]:
    """Return the tokens of each item, none where the value is missing."""
    known = column.notna().to_numpy()
    if field.textual:
        words = TfidfVectorizer().build_analyzer()  # lower case, words of two characters and more
        return [words(str(value)) if ok else [] for value, ok in zip(column, known, strict=True)]
    if field.categorical or field.type == "boolean":
        return [[part for part in str(value).split("|") if part] if ok else [] for value, ok in zip(column, known, strict=True)]
    bins = pd.qcut(column.astype(float).rank(method="average"), MAX_BINS, labels=False, duplicates="drop")
    return [[str(int(bin_))] if not np.isnan(bin_) else [] for bin_ in bins]


def _vectors(tokens: list[list[str]]) -> sp.csr_matrix | None:
    """Return TF-IDF rows of length 1; None where no item has a token."""
    if not any(tokens):
        return None
    return TfidfVectorizer(analyzer=list).fit_transform(tokens)
