"""MovieLens latest-small (GroupLens, 2018), in three readings of what counts as an interaction."""

from pathlib import Path

import numpy as np
import pandas as pd

from helpers.datasets.csv_files import read_csv
from helpers.datasets.steps import Steps
from helpers.errors import InputError

CLICK_ABOVE, WATCH_ABOVE = 1.0, 3.0
"""The service's own sample notebook takes ratings above 1 as a click and above 3 also as a watch."""


def read_ratings(folder: Path, steps: Steps) -> dict[str, pd.DataFrame]:
    """Read every rating as one interaction (EVENT_TYPE ``rating``, EVENT_VALUE the stars), in file order."""
    events = _ratings(folder, steps)
    events.insert(3, "EVENT_TYPE", "rating")
    return {"Interactions": events, "Items": _movies(folder, steps)}


def read_clicks(folder: Path, steps: Steps) -> dict[str, pd.DataFrame]:
    """Read ratings above 1 as one ``click`` each: one row a user and film."""
    return {"Interactions": _clicks(_ratings(folder, steps), steps), "Items": _movies(folder, steps)}


def read_as_aws(folder: Path, steps: Steps) -> dict[str, pd.DataFrame]:
    """Read ratings as the service's sample notebook does: above 1 a ``click``, above 3 also a ``watch`` at the same second.

    The film is then in the data twice, and a split by rows can show one row and ask for the other: a recipe that
    repeats the newest item is rewarded for nothing. The two rows stand next to each other, the click first.
    """
    ratings = _ratings(folder, steps)
    clicks = _clicks(ratings, steps)
    watches = clicks[ratings.loc[clicks.index, "EVENT_VALUE"] > WATCH_ABOVE].assign(EVENT_TYPE="watch")
    events = pd.concat([clicks, watches]).sort_index(kind="stable")
    steps.add("add a watch for ratings above 3", len(clicks), len(events), watches=len(watches))
    return {"Interactions": events.reset_index(drop=True), "Items": _movies(folder, steps)}


def _clicks(ratings: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    clicks = ratings[ratings["EVENT_VALUE"] > CLICK_ABOVE].drop(columns="EVENT_VALUE").assign(EVENT_TYPE="click")
    steps.add("keep ratings above 1 as clicks", len(ratings), len(clicks))
    return clicks


def _ratings(folder: Path, steps: Steps) -> pd.DataFrame:
    names = {"userId": "USER_ID", "movieId": "ITEM_ID", "timestamp": "TIMESTAMP", "rating": "EVENT_VALUE"}
    frame = _columns(folder / "ratings.csv", names)
    for name in ("TIMESTAMP", "EVENT_VALUE"):
        values = pd.to_numeric(frame[name], errors="coerce")
        if values.isna().any():
            line = frame.index[values.isna()][0]
            raise InputError(f"{folder / 'ratings.csv'}, line {line}: {name} is not a number; use the original file")
        frame[name] = values
    frame = frame.reset_index(drop=True)
    steps.add("read ratings.csv", len(frame), len(frame), ratings_above_3=(frame["EVENT_VALUE"] > WATCH_ABOVE).sum())
    return frame


def _movies(folder: Path, steps: Steps) -> pd.DataFrame:
    """Read the films: TITLE without the year, GENRES (several, separated by ``|``), YEAR."""
    movies = _columns(folder / "movies.csv", {"movieId": "ITEM_ID", "title": "TITLE", "genres": "GENRES"})
    parts = movies["TITLE"].str.extract(r"^(?P<title>.*?)\s*(?:\((?P<year>\d{4})\))?\s*$")
    movies["TITLE"] = parts["title"]
    movies["GENRES"] = movies["GENRES"].mask(movies["GENRES"] == "(no genres listed)", np.nan)
    movies["YEAR"] = pd.to_numeric(parts["year"])
    found = {"without_year": movies["YEAR"].isna().sum(), "without_genre": movies["GENRES"].isna().sum()}
    steps.add("read movies.csv", len(movies), len(movies), **found)
    return movies.reset_index(drop=True)


def _columns(path: Path, names: dict[str, str]) -> pd.DataFrame:
    frame = read_csv(path)
    missing = [name for name in names if name not in frame]
    if missing:
        raise InputError(f"{path}: Input CSV is missing the following columns: {missing}; found {list(frame.columns)}")
    return frame[list(names)].rename(columns=names)
