"""What is on offer, and what do people do with it: would a rule do, and does the past tell about the future?

From a figure to a finding, one small function a rule; see :mod:`helpers.fit_check.check` for where the thresholds come from.
"""

import numpy as np

from helpers.fit_check.figures import LIST_LENGTH, Overlap
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, at_least, at_most, finding, unknown

MAX_COLD, WORST_COLD = 0.1, 0.5
"""The diagnose sample warns above 10 % of cold items; half is our choice."""


def cold_items(share: float) -> Finding:
    """Judge the share of the catalogue that nobody has touched: only recipes that read attributes can recommend it."""
    told = {
        GOOD: ("nearly everything on offer has been met by somebody", ""),
        WATCH: (
            "a part of the offer was never met",
            "use a recipe that reads item attributes (aws-similar-items), or exploration",
        ),
        BAD: ("most of the offer was never met: who counts interactions cannot recommend it", "item attributes first of all"),
    }
    return finding("cold items", at_most(share, MAX_COLD, WORST_COLD), f"{share:.0%} of the catalogue", share, told)


MAX_NEW, WORST_NEW = 0.1, 0.5
"""As for cold items."""


def turnover(share: float) -> Finding:
    """Judge the share of the newest events on items that had none before: how fast the catalogue is replaced."""
    name = "new items"
    if np.isnan(share):
        return unknown(name, "all events lie at one moment", "bring real timestamps")
    told = {
        GOOD: ("what people take next is nearly always known by then", ""),
        WATCH: (
            "a good part of what people take next is new by then",
            "train often; let new items in by attributes and exploration",
        ),
        BAD: ("most of what people take next does not exist yet, as with news", "rank by attributes, recency and trend"),
    }
    return finding(name, at_most(share, MAX_NEW, WORST_NEW), f"{share:.0%} of the newest events", share, told)


MAX_AGAIN, WORST_AGAIN = 0.2, 0.8
"""Our choice. Online Retail lies at two fifths, and there a list of one's own best sellers beats every plain recipe (README)."""


def buy_again(share: float) -> Finding:
    """Judge how much of what returning users take they had before."""
    name = "taken again"
    if np.isnan(share):
        return unknown(name, "nobody came twice", "there is no next visit to recommend for")
    told = {
        GOOD: ("people look for what they do not have yet", ""),
        WATCH: ("people buy again", 'keep seen items in the lists; the yardstick is a "buy again" list, not the popular list'),
        BAD: (
            "nearly everything is bought again: there is little to discover",
            'a "buy again" list first; measure whether more pays',
        ),
    }
    return finding(name, at_most(share, MAX_AGAIN, WORST_AGAIN), f"{share:.0%} of a returning user's items", share, told)


MAX_GINI, WORST_GINI = 0.8, 0.95
"""Our choice. Shops with a long tail lie between 0.6 and 0.75 (Online Retail 0.64, MovieLens 0.72)."""


def concentration(gini: float) -> Finding:
    """Judge the Gini coefficient of the items' interactions: 0 = all equally popular, near 1 = a few take everything."""
    told = {
        GOOD: ("interest is spread over many items", ""),
        WATCH: ("few items take most of the interest", "a popular list may do; look at coverage too"),
        BAD: ("a handful of items takes nearly everything", "show these; a recommender has nothing to choose"),
    }
    return finding("concentration (Gini)", at_most(gini, MAX_GINI, WORST_GINI), f"{gini:.2f} of 0 to 1", gini, told)


MAX_ONE_LIST, WORST_ONE_LIST = 0.25, 0.5
"""Our choice: if the same 25 items for everybody meet half of what is taken, a personal list can add little."""


def one_list_for_all(share: float) -> Finding:
    """Judge how much of the newest tenth of the events the 25 best sellers of the time before would have met."""
    name = "one list for all"
    if np.isnan(share):
        return unknown(name, "all events lie at one moment", "bring real timestamps")
    told = {
        GOOD: ("the same list for everybody would miss most of what people take next", ""),
        WATCH: (
            "the same list for everybody would meet a good part of what people take next",
            "popularity is a hard yardstick here",
        ),
        BAD: (
            "the same list for everybody would meet most of what people take next",
            "show the popular list; measure before more",
        ),
    }
    figure = f"{LIST_LENGTH} best sellers meet {share:.0%} of what comes"
    return finding(name, at_most(share, MAX_ONE_LIST, WORST_ONE_LIST), figure, share, told)


GOOD_STAYS, MIN_STAYS = 0.6, 0.2
"""Our choice, as shares of the overlap that chance leaves."""
MIN_BY_CHANCE = 5
"""Below so many common items of 25, two samples of the same popularity differ too much to see a drift."""


def drift(overlap: Overlap) -> Finding:
    """Judge how many best sellers of one period are best sellers of the next, beside two random halves of the same visits."""
    name = "drift"
    if overlap.by_chance < min(MIN_BY_CHANCE, overlap.size) or overlap.size == 0:
        return unknown(name, "too few events to tell a change of taste from chance", "look again with more data")
    told = {
        GOOD: ("what was popular stays popular for a while", ""),
        WATCH: ("popularity changes quickly", "train often; recent popularity (aws-trending-now) is the yardstick"),
        BAD: ("popularity changes so quickly that the last period says little about the next", "train daily, or rank by trend"),
    }
    ratio = min(1.0, overlap.seen / overlap.by_chance)
    figure = f"{overlap.seen} of {overlap.size} best sellers stay; by chance {overlap.by_chance:.0f} would"
    return finding(name, at_least(ratio, GOOD_STAYS, MIN_STAYS), figure, ratio, told)
