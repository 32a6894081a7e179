"""Named data and the reader's own: ``datasets.load("gift-shop")``, ``datasets.load("my-folder")``."""

from helpers.datasets.dataset import Dataset, toy_dataset
from helpers.datasets.describe import describe
from helpers.datasets.download import fetch
from helpers.datasets.load import DEFAULT, load
from helpers.datasets.manifest import table

__all__ = ["DEFAULT", "Dataset", "describe", "fetch", "load", "table", "toy_dataset"]
