"""The gift shop: a generated data set whose truth is known.

Read in this order: :mod:`words` (what is sold), :mod:`model` (items and users in words and arrays), :mod:`catalogue` and
:mod:`customers` (how they are drawn), :mod:`world` (how they fit), :mod:`visits` (who comes when), :mod:`choice` (which
item comes next: the heart), :mod:`play` (a year in the shop), :mod:`generate` (the raw files). :mod:`oracle` knows the
truth, and :mod:`simulate` lets the users react to lists that they are shown; :mod:`calibration` compares the result with the
real Online Retail data.
"""

from helpers.datasets.shop.generate import write
from helpers.datasets.shop.oracle import Oracle

__all__ = ["Oracle", "write"]
