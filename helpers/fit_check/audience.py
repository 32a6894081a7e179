"""Is there enough to learn from, and who is there? From a figure to a finding, one small function a rule.

Thresholds are named and justified above each function; where they come from is told in :mod:`helpers.fit_check.check`.
"""

from helpers.datasets.dataset import MIN_INTERACTIONS, MIN_USERS
from helpers.datasets.describe import GOOD_INTERACTIONS, GOOD_USERS
from helpers.fit_check.figures import LIST_LENGTH
from helpers.fit_check.finding import BAD, GOOD, WATCH, Finding, at_least, at_most, finding


def enough_interactions(count: int) -> Finding:
    """Judge the number of interactions by the service's minimum of 1,000 and its advice of 50,000."""
    told = {
        GOOD: ("as many as Amazon Personalize advises, or more", ""),
        WATCH: ("trains, but below what Amazon Personalize advises", "collect further; trust intervals, not single numbers"),
        BAD: ("Amazon Personalize refuses to train", "collect more first; until then show best sellers or hand-made lists"),
    }
    figure = f"{count:,} (minimum {MIN_INTERACTIONS:,}, advised {GOOD_INTERACTIONS:,})"
    return finding("interactions", at_least(count, GOOD_INTERACTIONS, MIN_INTERACTIONS), figure, count, told)


def enough_users(count: int) -> Finding:
    """Judge the number of users with two interactions or more by the service's minimum of 25 and its advice of 1,000."""
    told = {
        GOOD: ("as many users to learn from as Amazon Personalize advises, or more", ""),
        WATCH: (
            "trains, but on fewer users than Amazon Personalize advises",
            "collect further; trust intervals, not single numbers",
        ),
        BAD: ("Amazon Personalize refuses to train", "collect more first, or find out why users are not recognised again"),
    }
    figure = f"{count:,} (minimum {MIN_USERS:,}, advised {GOOD_USERS:,})"
    return finding("users with two interactions", at_least(count, GOOD_USERS, MIN_USERS), figure, count, told)


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
    return finding("items", at_least(count, GOOD_CATALOGUE, MIN_CATALOGUE), f"{count:,} with an interaction", count, told)


MIN_TEST_USERS, GOOD_TEST_USERS = 25, 100
"""Our choice: with 100 users a 95 % interval of NDCG is about 0.1 wide (notebook 04), with 25 twice that."""


def users_to_test(count: int) -> Finding:
    """Judge how many users were there both before the newest tenth of the time and in it: only they can be asked "what next?"."""
    told = {
        GOOD: ('enough to ask "what will they take next?" and believe the answer', ""),
        WATCH: ('few to ask "what will they take next?": intervals will be wide', "wait for more, or test inside visits only"),
        BAD: ("hardly anybody is there both before and after one moment", "no honest test of the next visit is possible; wait"),
    }
    return finding(
        "users to test on",
        at_least(count, GOOD_TEST_USERS, MIN_TEST_USERS),
        f"{count:,} before and after one moment",
        count,
        told,
    )


MAX_ONE_VISIT, WORST_ONE_VISIT = 0.5, 0.9
"""Our choice: half of the users, and nine of ten."""


def seen_once(share: float) -> Finding:
    """Judge the share of users with a single visit: of these the shop learns, but it never meets them again."""
    told = {
        GOOD: ("most users come again, so what is learned of them can be used", ""),
        WATCH: (
            "half of the users or more are never met again",
            "recommend inside the visit: related items, and events sent while it lasts",
        ),
        BAD: (
            "nearly nobody is met again: in practice the users are anonymous",
            "related items; sign-ins before recommendations",
        ),
    }
    return finding("users seen once", at_most(share, MAX_ONE_VISIT, WORST_ONE_VISIT), f"{share:.0%} of the users", share, told)


GOOD_SEVERAL, MIN_SEVERAL = 0.2, 0.02
"""Our choice: SIMS asks three common visits of a pair; with one visit in five it soon finds them, with one in fifty hardly."""


def several_items(share: float) -> Finding:
    """Judge the share of visits with two different items or more, which show what goes together, known users or not."""
    told = {
        GOOD: ("visits show what goes together", ""),
        WATCH: (
            "few visits show what goes together",
            "related items by attributes (aws-similar-items); log what was looked at, too",
        ),
        BAD: ("visits hold one item each: nothing shows what goes together", "log what was looked at, not only what was bought"),
    }
    name, figure = "visits with several items", f"{share:.0%} of the visits"
    return finding(name, at_least(share, GOOD_SEVERAL, MIN_SEVERAL), figure, share, told)


GOOD_KNOWN, MIN_KNOWN = 0.5, 0.2
"""Our choice: at half of the visits personal lists matter; below a fifth, the other four fifths decide."""


def known_visits(share: float) -> Finding:
    """Judge the share of the newest visits by users known from before: they can get a personal first page."""
    told = {
        GOOD: ("most visitors are known when they come in: their first page can be personal", ""),
        WATCH: (
            "for many visitors nothing is known when they come in",
            "measure the gain on all traffic, not on known users only",
        ),
        BAD: (
            "hardly any visitor is known: nearly all get the popular list anyway",
            "related items and in-visit events; sign-ins",
        ),
    }
    return finding(
        "visits by known users", at_least(share, GOOD_KNOWN, MIN_KNOWN), f"{share:.0%} of the newest visits", share, told
    )


MAX_NAMELESS, WORST_NAMELESS = 0.1, 0.5
"""The diagnose sample calls 10 % of missing values too many; half is our choice."""


def nameless_rows(nameless: int, rows: int) -> Finding:
    """Judge the share of rows that were left out because they name no user."""
    share = nameless / max(1, rows)
    told = {
        GOOD: ("nearly every event has a user", ""),
        WATCH: (
            "a part of the business is not in these data: what is measured here holds for known users only",
            "plan for the rest",
        ),
        BAD: ("most of the business is not in these data", "record a session id where there is no user id, or use related items"),
    }
    figure = f"{share:.0%} of {rows:,} rows"
    return finding("events without a user", at_most(share, MAX_NAMELESS, WORST_NAMELESS), figure, share, told)


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
    return finding("the busiest user", verdict, f"{share:.1%} of all events", share, told)
