"""UCI "Online Retail": a year of invoices of a British gift shop (D. Chen, 2015), cleaned into three tables."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets.csv_files import parse_csv, read_bytes
from helpers.datasets.steps import Steps
from helpers.errors import InputError

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
WHOLE = "online-retail-dataset.csv"
"""The year in one file; where it is, daily files beside it are left alone, or every sale would count twice."""

_ENCODINGS = ("utf-8-sig", "cp1252")
_DATES = ("ISO8601", "%m/%d/%Y %H:%M")


def read(folder: Path, steps: Steps) -> dict[str, pd.DataFrame]:
    """Read and clean the invoices: one CSV file, or a folder of daily ones in order of their names.

    Returns:
        ``Interactions`` (EVENT_TYPE purchase, EVENT_VALUE = pieces bought, in file order), ``Items`` (TITLE = most
        frequent description, PRICE = median in pounds), ``Users`` (COUNTRY = most frequent).

    Raises:
        InputError: no CSV files, a column is missing, or a number or date cannot be read.
    """
    return tables(clean(read_invoices(folder, steps), steps), steps)


def read_invoices(folder: Path, steps: Steps) -> pd.DataFrame:
    """Read all invoice lines as text, shape ``(lines, 8)``, in file order."""
    whole = folder / WHOLE if (folder / WHOLE).is_file() else folder
    files = sorted(path for path in whole.rglob("*.csv") if path.is_file()) if whole.is_dir() else [whole]
    if not files:
        raise InputError(f"{folder}: no CSV files; put online-retail-dataset.csv or the daily files there")
    contents = [read_bytes(path) for path in files]
    headers = [content.split(b"\n", 1)[0].strip() for content in contents]
    for path, header in zip(files, headers, strict=True):
        if header != headers[0]:
            raise InputError(f"{path}: the header differs from that of {files[0].name}; all files need the same columns")
    bodies = [content.split(b"\n", 1)[1] if b"\n" in content else b"" for content in contents]
    joined = b"\n".join([headers[0], *(body.rstrip(b"\r\n") for body in bodies if body.strip())])
    frame = parse_csv(joined, str(folder), encodings=_ENCODINGS)
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise InputError(f"{folder}: Input CSV is missing the following columns: {missing}; found {list(frame.columns)}")
    anonymous = frame["CustomerID"].isna().sum()
    steps.add(f"read {len(files)} file{'s' * (len(files) > 1)}", len(frame), len(frame), lines_without_customer=anonymous)
    return frame[list(COLUMNS)]


def clean(lines: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    """Keep the lines that are purchases by a known customer, with times in seconds and numbers as numbers."""

    def keep(frame: pd.DataFrame, name: str, mask: pd.Series) -> pd.DataFrame:
        steps.add(name, len(frame), mask.sum())
        return frame[mask]

    lines = keep(lines, "keep known customers", lines["CustomerID"].notna())
    lines = keep(lines, "drop cancellations (InvoiceNo C...)", ~lines["InvoiceNo"].str.startswith("C", na=False))
    lines = lines.assign(Quantity=_numbers(lines["Quantity"]), UnitPrice=_numbers(lines["UnitPrice"]))
    lines = keep(lines, "keep Quantity > 0", lines["Quantity"] > 0)
    return lines.assign(CustomerID=lines["CustomerID"].str.removesuffix(".0"), TIMESTAMP=_seconds(lines["InvoiceDate"]))


def tables(lines: pd.DataFrame, steps: Steps) -> dict[str, pd.DataFrame]:
    """Turn clean invoice lines into interactions (unique user, item and second), items and users."""
    names = {"CustomerID": "USER_ID", "StockCode": "ITEM_ID", "Quantity": "EVENT_VALUE"}
    events = lines.rename(columns=names)[["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_VALUE"]]
    key = ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    # sort=False: groups come in order of first appearance, so a basket keeps its invoice order
    interactions = events.groupby(key, sort=False, as_index=False)["EVENT_VALUE"].sum()
    interactions.insert(3, "EVENT_TYPE", "purchase")
    steps.add("add up lines of one user, item and second", len(events), len(interactions))
    items = pd.DataFrame(
        {
            "TITLE": _most_frequent(lines["StockCode"], lines["Description"].str.strip()),
            "PRICE": lines.groupby("StockCode")["UnitPrice"].median(),
        }
    )
    steps.add("items: one row a StockCode", len(lines), len(items))
    users = _most_frequent(lines["CustomerID"], lines["Country"]).to_frame("COUNTRY")
    steps.add("users: one row a CustomerID", len(lines), len(users))
    return {
        "Interactions": interactions,
        "Items": items.rename_axis("ITEM_ID").reset_index(),
        "Users": users.rename_axis("USER_ID").reset_index(),
    }


def _most_frequent(keys: pd.Series, values: pd.Series) -> pd.Series:
    """Return each key's most frequent value; the first by alphabet among equals."""
    counts = pd.DataFrame({"key": keys, "value": values}).value_counts(sort=False).reset_index(name="count")
    best = counts.sort_values(["key", "count", "value"], ascending=[True, False, True]).drop_duplicates("key")
    return best.set_index("key")["value"]


def _numbers(column: pd.Series) -> pd.Series:
    texts, codes = _distinct(column)
    values = pd.to_numeric(texts, errors="coerce").to_numpy("float64")[codes]
    bad = np.isnan(values)
    if bad.any():
        raise InputError(f"{column.name} {column[bad].iloc[0]!r} is not a number ({bad.sum()} lines); correct the file")
    return pd.Series(values, column.index)


def _seconds(column: pd.Series) -> pd.Series:
    """Return shop time as Unix seconds; the shop states no time zone, so its clock is read as UTC."""
    texts, codes = _distinct(column)
    for form in _DATES:
        times = pd.to_datetime(texts, format=form, errors="coerce")
        if times.notna().all():
            seconds = (times - pd.Timestamp(0)) // pd.Timedelta(seconds=1)
            return pd.Series(seconds.to_numpy("int64")[codes], column.index)
    raise InputError(f"InvoiceDate {column.iloc[0]!r} ...: dates must read like 2010-12-01 08:26:00 or 12/1/2010 8:26")


def _distinct(column: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return the different texts, to be converted once each, and which of them each line holds; an empty cell is a text too."""
    codes, texts = pd.factorize(column, use_na_sentinel=False)
    return pd.Series(texts), codes
