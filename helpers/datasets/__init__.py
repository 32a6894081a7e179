"""Named data and the reader's own: ``datasets.load("gift-shop")``, ``datasets.load("my-folder")``."""

from helpers.datasets.dataset import Dataset, toy_dataset

__all__ = ["Dataset", "toy_dataset"]
