"""From a figure to a finding: one small function a rule, its thresholds named and justified above it.

Where Amazon's documentation or its sample code has a number, that number is used (developer guide, "Quotas" and the data insights of
the console; the *diagnose* sample; the cheat sheet for teams). The rest is **our choice**, made so that the gift shop and Online
Retail, where recommendations are known to work, pass, and said so. A figure that lies exactly on a threshold gets the better verdict.
"""

import numpy as np

from helpers.datasets.dataset import MIN_INTERACTIONS, MIN_USERS
from helpers.datasets.describe import GOOD_INTERACTIONS, GOOD_USERS
from helpers.fit_check.figures import LIST_LENGTH, Overlap
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, at_least, at_most


def _finding(name: str, verdict: str, figure: str, value: float, told: dict[str, tuple[str, str]]) -> Finding:
    meaning, next_step = told[verdict]
    return Finding(name, verdict, figure, meaning, next_step, float(value))


def _unknown(name: str, why: str, next_step: str) -> Finding:
    return Finding(name, WATCH, "cannot be told", why, next_step, float("nan"))


# ------------------------------------------------------------------ is there enough?


def enough_interactions(count: int) -> Finding:
    """Judge the number of interactions by the service's minimum of 1,000 and its advice of 50,000."""
    told = {
        GOOD: ("as many as Amazon Personalize advises, or more", ""),
        WATCH: ("trains, but below what Amazon Personalize advises", "collect further; trust intervals, not single numbers"),
        BAD: ("Amazon Personalize refuses to train", "collect more first; until then show best sellers or hand-made lists"),
    }
    figure = f"{count:,} (minimum {MIN_INTERACTIONS:,}, advised {GOOD_INTERACTIONS:,})"
    return _finding("interactions", at_least(count, GOOD_INTERACTIONS, MIN_INTERACTIONS), figure, count, told)


def enough_users(count: int) -> Finding:
    """Judge the number of users with two interactions or more by the service's minimum of 25 and its advice of 1,000."""
    told = {
        GOOD: ("as many users to learn from as Amazon Personalize advises, or more", ""),
        WATCH: ("trains, but on fewer users than Amazon Personalize advises", "collect further; trust intervals, not single numbers"),
        BAD: ("Amazon Personalize refuses to train", "collect more first, or find out why users are not recognised again"),
    }
    figure = f"{count:,} (minimum {MIN_USERS:,}, advised {GOOD_USERS:,})"
    return _finding("users with two interactions", at_least(count, GOOD_USERS, MIN_USERS), figure, count, told)


MIN_CATALOGUE = 50
"""The cheat sheet's floor for items."""
GOOD_CATALOGUE = 10 * LIST_LENGTH
"""Our choice: with ten full lists there is something to choose."""


def catalogue_size(count: int) -> Finding:
    """Judge the number of items that anybody touched: where a list shows half of them, nobody needs a recommender."""
    told = {
        GOOD: ("too many to look through: a choice helps", ""),
        WATCH: (f"a list of {LIST_LENGTH} shows a good part of it anyway", "compare with the plain list of all items"),
        BAD: (f"a list of {LIST_LENGTH} shows half of it or more", "show all items, best sellers first"),
    }
    return _finding("items", at_least(count, GOOD_CATALOGUE, MIN_CATALOGUE), f"{count:,} with an interaction", count, told)


MIN_TEST_USERS, GOOD_TEST_USERS = 25, 100
"""Our choice: with 100 users a 95 % interval of NDCG is about 0.1 wide (notebook 04), with 25 twice that: no better than a guess."""


def users_to_test(count: int) -> Finding:
    """Judge how many users were there both before the newest tenth of the time and in it: only they can be asked "what next?"."""
    told = {
        GOOD: ('enough to ask "what will they take next?" and believe the answer', ""),
        WATCH: ('few to ask "what will they take next?": intervals will be wide', "wait for more, or test inside visits only"),
        BAD: ("hardly anybody is there both before and after one moment", "no honest test of the next visit is possible; wait"),
    }
    return _finding(
        "users to test on", at_least(count, GOOD_TEST_USERS, MIN_TEST_USERS), f"{count:,} before and after one moment", count, told
    )


# ------------------------------------------------------------------ who is there?

MAX_ONE_VISIT, WORST_ONE_VISIT = 0.5, 0.9
"""Our choice: half of the users, and nine of ten."""


def seen_once(share: float) -> Finding:
    """Judge the share of users with a single visit: of these the shop learns, but it never meets them again."""
    told = {
        GOOD: ("most users come again, so what is learned of them can be used", ""),
        WATCH: ("most users are never met again", "recommend inside the visit: related items, and events sent while it lasts"),
        BAD: ("nearly nobody is met again: in practice the users are anonymous", "related items; sign-ins before recommendations"),
    }
    return _finding("users seen once", at_most(share, MAX_ONE_VISIT, WORST_ONE_VISIT), f"{share:.0%} of the users", share, told)


GOOD_KNOWN, MIN_KNOWN = 0.5, 0.2
"""Our choice: at half of the visits personal lists are worth a project; below a fifth, the other four fifths decide what it earns."""


def known_visits(share: float) -> Finding:
    """Judge the share of the newest visits by users known from before: the traffic that can be personalised from the first page."""
    told = {
        GOOD: ("most visitors are known when they come in: their first page can be personal", ""),
        WATCH: ("for many visitors nothing is known when they come in", "measure the gain on all traffic, not on known users only"),
        BAD: ("hardly any visitor is known: nearly all get the popular list anyway", "related items and in-visit events; sign-ins"),
    }
    return _finding("visits by known users", at_least(share, GOOD_KNOWN, MIN_KNOWN), f"{share:.0%} of the newest visits", share, told)


MAX_NAMELESS, WORST_NAMELESS = 0.1, 0.5
"""The diagnose sample calls 10 % of missing values too many; half is our choice."""


def nameless_rows(nameless: int, rows: int) -> Finding:
    """Judge the share of rows that were left out because they name no user."""
    share = nameless / max(1, rows)
    told = {
        GOOD: ("nearly every event has a user", ""),
        WATCH: ("a part of the business is not in these data: what is measured here holds for known users only", "plan for the rest"),
        BAD: ("most of the business is not in these data", "record a session id where there is no user id, or use related items"),
    }
    figure = f"{share:.0%} of {rows:,} rows"
    return _finding("events without a user", at_most(share, MAX_NAMELESS, WORST_NAMELESS), figure, share, told)


MAX_BUSIEST, WORST_BUSIEST = 0.05, 0.2
"""Our choice. A twentieth of all events by one of many users is no person."""


def one_id_for_many(share: float, users: int) -> Finding:
    """Judge the busiest user's share of all events: is it a guest account, a till or a robot?

    Where there are so few users that ten times a fair share is more than a twentieth, that is the limit instead.
    """
    told = {
        GOOD: ("no single user stands for a crowd", ""),
        WATCH: ("one user has very many events", "look who it is: a guest account, a till or a robot must go before training"),
        BAD: ("one user has a large part of all events: that is no person", "take this user out, or find out who is behind it"),
    }
    fair = 10 / max(1, users)
    verdict = at_most(share, max(MAX_BUSIEST, fair), max(WORST_BUSIEST, fair))
    return _finding("the busiest user", verdict, f"{share:.1%} of all events", share, told)


# ------------------------------------------------------------------ what is on offer?

MAX_COLD, WORST_COLD = 0.1, 0.5
"""The diagnose sample warns above 10 % of cold items; half is our choice."""


def cold_items(share: float) -> Finding:
    """Judge the share of the catalogue that nobody has touched: only recipes that read attributes can recommend it."""
    told = {
        GOOD: ("nearly everything on offer has been met by somebody", ""),
        WATCH: ("a part of the offer was never met", "use a recipe that reads item attributes (aws-similar-items), or exploration"),
        BAD: ("most of the offer was never met: who counts interactions cannot recommend it", "item attributes first of all"),
    }
    return _finding("cold items", at_most(share, MAX_COLD, WORST_COLD), f"{share:.0%} of the catalogue", share, told)


MAX_NEW, WORST_NEW = 0.1, 0.5
"""As for cold items."""


def turnover(share: float) -> Finding:
    """Judge the share of the newest events on items that had none before: how fast the catalogue is replaced."""
    name = "new items"
    if np.isnan(share):
        return _unknown(name, "all events lie at one moment", "bring real timestamps")
    told = {
        GOOD: ("what people take next is nearly always known by then", ""),
        WATCH: ("a good part of what people take next is new by then", "train often; let new items in by attributes and exploration"),
        BAD: ("most of what people take next does not exist yet, as with news", "rank by attributes, recency and trend"),
    }
    return _finding(name, at_most(share, MAX_NEW, WORST_NEW), f"{share:.0%} of the newest events", share, told)


# ------------------------------------------------------------------ would a rule do?

MAX_AGAIN, WORST_AGAIN = 0.2, 0.8
"""Our choice. Online Retail lies at two fifths, and there a list of one's own best sellers beats every plain recipe (README)."""


def buy_again(share: float) -> Finding:
    """Judge how much of what returning users take they had before."""
    name = "taken again"
    if np.isnan(share):
        return _unknown(name, "nobody came twice", "there is no next visit to recommend for")
    told = {
        GOOD: ("people look for what they do not have yet", ""),
        WATCH: ("people buy again", 'keep seen items in the lists; the yardstick is a "buy again" list, not the popular list'),
        BAD: ("nearly everything is bought again: there is little to discover", 'a "buy again" list first; measure whether more pays'),
    }
    return _finding(name, at_most(share, MAX_AGAIN, WORST_AGAIN), f"{share:.0%} of a returning user's items", share, told)


MAX_GINI, WORST_GINI = 0.8, 0.95
"""Our choice. Shops with a long tail lie between 0.6 and 0.75 (Online Retail 0.64, MovieLens 0.72)."""


def concentration(gini: float) -> Finding:
    """Judge the Gini coefficient of the items' interactions: 0 = all equally popular, near 1 = a few take everything."""
    told = {
        GOOD: ("interest is spread over many items", ""),
        WATCH: ("few items take most of the interest", "a popular list may do; look at coverage too"),
        BAD: ("a handful of items takes nearly everything", "show these; a recommender has nothing to choose"),
    }
    return _finding("concentration (Gini)", at_most(gini, MAX_GINI, WORST_GINI), f"{gini:.2f} of 0 to 1", gini, told)


MAX_ONE_LIST, WORST_ONE_LIST = 0.25, 0.5
"""Our choice: if the same 25 items for everybody meet half of what is taken, a personal list can add little."""


def one_list_for_all(share: float) -> Finding:
    """Judge how much of the newest tenth of the events the 25 best sellers of the time before would have met."""
    name = "one list for all"
    if np.isnan(share):
        return _unknown(name, "all events lie at one moment", "bring real timestamps")
    told = {
        GOOD: ("the same list for everybody would miss most of what people take next", ""),
        WATCH: ("the same list for everybody would meet a good part of what people take next", "popularity is a hard yardstick here"),
        BAD: ("the same list for everybody would meet most of what people take next", "show the popular list; measure before more"),
    }
    figure = f"{LIST_LENGTH} best sellers meet {share:.0%} of what comes"
    return _finding(name, at_most(share, MAX_ONE_LIST, WORST_ONE_LIST), figure, share, told)


# ------------------------------------------------------------------ does the past tell about the future?

GOOD_STAYS, MIN_STAYS = 0.6, 0.2
"""Our choice, as shares of the overlap that chance leaves."""
MIN_BY_CHANCE = 5
"""Below so many common items of 25, two samples of the same popularity differ too much to see a drift."""


def drift(overlap: Overlap) -> Finding:
    """Judge how many best sellers of one period are best sellers of the next, compared with two random halves of the same visits."""
    name = "drift"
    if overlap.by_chance < min(MIN_BY_CHANCE, overlap.size) or overlap.size == 0:
        return _unknown(name, "too few events to tell a change of taste from chance", "look again with more data")
    told = {
        GOOD: ("what was popular stays popular for a while", ""),
        WATCH: ("popularity changes quickly", "train often; recent popularity (aws-trending-now) is the yardstick"),
        BAD: ("popularity changes so quickly that the last period says little about the next", "train daily, or rank by trend"),
    }
    ratio = min(1.0, overlap.seen / overlap.by_chance)
    figure = f"{overlap.seen} of {overlap.size} best sellers stay; by chance {overlap.by_chance:.0f} would"
    return _finding(name, at_least(ratio, GOOD_STAYS, MIN_STAYS), figure, ratio, told)


# ------------------------------------------------------------------ can a test be believed?

MAX_DOUBLED, WORST_DOUBLED = 0.01, 0.1
"""The diagnose sample warns above 10 % of doubled events; 1 % is our choice, for stray ones do no harm."""


def doubled_events(share: float) -> Finding:
    """Judge the share of events that repeat user, item and second of an earlier one, such as a click and a watch of one act."""
    told = {
        GOOD: ("every event stands for something of its own", ""),
        WATCH: ("some acts are written down twice", "find out why; keep one event of each act"),
        BAD: ("acts are written down twice: a test hides one and shows its twin", "train and test on one event type only"),
    }
    return _finding("doubled events", at_most(share, MAX_DOUBLED, WORST_DOUBLED), f"{share:.0%} of the events", share, told)


MAX_TWINS, WORST_TWINS = 0.01, 0.1
"""Our choice: of a hundred questions, one; of ten, one."""


def answers_shown(share: float) -> Finding:
    """Judge the share of test users who are shown a hidden event, same item and same second, under the service's split."""
    name = "answers in the question"
    if np.isnan(share):
        return _unknown(name, "no user can be tested with the service's split", "more users with two events are needed")
    told = {
        GOOD: ("a test asks for what is not in its question", ""),
        WATCH: ("a few test questions hold their answer", "remove doubled events before believing a score"),
        BAD: ("many test questions hold their answer: a high score means nothing", "one event of each act; hide whole visits"),
    }
    return _finding(name, at_most(share, MAX_TWINS, WORST_TWINS), f"{share:.0%} of the test users", share, told)


MAX_SAME_SECOND = 0.1
"""Our choice, for the order inside a second is the order of lines in a file. Never bad by itself: a shop that writes down baskets is
a good shop, only its tests must hide whole baskets."""


def order_in_a_second(share: float) -> Finding:
    """Judge the share of events that have user and second in common with the event before."""
    told = {
        GOOD: ("the order of events is real", ""),
        WATCH: (
            "baskets: the order inside them is the order of lines in a file",
            "test with the last-basket or temporal split; distrust recipes that read order",
        ),
    }
    return _finding("events in a basket", at_most(share, MAX_SAME_SECOND, 1.0), f"{share:.0%} of the events", share, told)


def clock(distinct_times: int, whole_days: bool, days: float) -> Finding:
    """Judge the timestamps: all equal is useless (training a segment fails, data insights say), whole days hide the order of a day.

    Args:
        distinct_times: different seconds among all events. whole_days: whether all are midnights. days: from first to last.
    """
    verdict = BAD if distinct_times < 2 else WATCH if whole_days else GOOD
    told = {
        GOOD: ("times are precise enough to tell before from after", ""),
        WATCH: ("only the day is known: nothing tells what came first on it", "hide whole days in tests; send real times if you can"),
        BAD: ("all events carry the same time: there is no before and after", "bring the real times"),
    }
    return _finding("timestamps", verdict, f"{distinct_times:,} different ones in {days:,.0f} days", float(distinct_times), told)
