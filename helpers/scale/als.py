"""Matrix factorisation by Spark's own ALS: each user and item is a few numbers, their product says how well they fit.

Implicit feedback: the more often a user took an item, the surer it counts as liked (Y. Hu, Y. Koren, C. Volinsky, 2008,
"Collaborative filtering for implicit feedback datasets"). It stays a model of Spark: the factors of all users are as many as the
users, so lists are made where they lie. The blocks in which sums are formed depend on the partitions, so numbers agree to some
digits, not to the last.
"""

from dataclasses import dataclass

from pyspark.ml.recommendation import ALS, ALSModel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from helpers.interactions import ITEM_ID, USER_ID
from helpers.scale import tables
from helpers.scale.batch import RECOMMENDED
from helpers.scale.tables import NUMBER


@dataclass(frozen=True)
class Factors:
    """A trained factorisation.

    Attributes:
        model: Spark's model over whole-number ids.
        users, items: USER_ID / ITEM_ID -> NUMBER.
    """

    model: ALSModel
    users: DataFrame
    items: DataFrame

    def recommend(self, k: int = 25) -> DataFrame:
        """Return the list of each user: USER_ID, RECOMMENDED_ITEMS (ids, best first), made by all workers when it is used."""
        lists = self.model.recommendForAllUsers(k).withColumnRenamed("user", NUMBER).join(self.users, NUMBER)
        opened = lists.select(USER_ID, F.posexplode("recommendations").alias("place", "entry"))
        named = opened.select(USER_ID, "place", F.col("entry.item").alias(NUMBER)).join(self.items, NUMBER)
        placed = F.sort_array(F.collect_list(F.struct("place", ITEM_ID)))[ITEM_ID]
        return named.groupBy(USER_ID).agg(placed.alias(RECOMMENDED))


def fit(
    events: DataFrame, *, rank: int = 32, iterations: int = 8, regularisation: float = 0.05, alpha: float = 10.0, seed: int = 0
) -> Factors:
    """Factorise the counts of events of users and items.

    Args:
        events: interactions (:mod:`helpers.scale.tables`).
        rank: numbers for each user and item.
        iterations: how often all are fitted in turn.
        regularisation: pull towards 0.
        alpha: how much surer each event makes.
    """
    users = tables.in_order(tables.everyone(USER_ID, events)).withColumn(NUMBER, F.col(NUMBER).cast("int")).persist()
    items = tables.numbers(events.sparkSession, ITEM_ID, tables.vocabulary(ITEM_ID, events))
    counts = events.groupBy(USER_ID, ITEM_ID).count()
    coded = counts.join(users.withColumnRenamed(NUMBER, "user"), USER_ID).join(items.withColumnRenamed(NUMBER, "item"), ITEM_ID)
    als = ALS(
        rank=rank,
        maxIter=iterations,
        regParam=regularisation,
        alpha=alpha,
        implicitPrefs=True,
        userCol="user",
        itemCol="item",
        ratingCol="count",
        seed=seed,
    )
    return Factors(als.fit(coded.select("user", "item", F.col("count").cast("float"))), users, items)
