"""UCI Online Retail on Spark: invoice lines -> the three tables, as :mod:`helpers.datasets.online_retail` makes them."""

import pandas as pd
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from helpers.datasets import online_retail
from helpers.datasets.online_retail import COLUMNS, WHOLE
from helpers.datasets.steps import Steps
from helpers.errors import InputError
from helpers.scale import files, raw_tables
from helpers.scale.usable import usable

CELLS = ["USER_ID", "ITEM_ID", "TIMESTAMP", "EVENT_VALUE", "TITLE", "PRICE", "COUNTRY"]
"""What a clean invoice line says, as text; EVENT_VALUE is the number of pieces, PRICE that of one piece."""

_NAMES = {
    "CustomerID": "USER_ID",
    "StockCode": "ITEM_ID",
    "Quantity": "EVENT_VALUE",
    "Description": "TITLE",
    "UnitPrice": "PRICE",
    "Country": "COUNTRY",
}
_ENCODINGS = ("utf-8-sig", "cp1252")


def read(spark: SparkSession, raw: str) -> DataFrame:
    """Describe how the invoices of a file, or of all CSV files below a folder, are read and cleaned: staged rows of CELLS.

    Raises:
        InputError: no CSV file, or a column is missing.
    """
    whole = files.join(raw, WHOLE)
    address = whole if files.exists(spark, whole) else raw
    choose = {"pathGlobFilter": "*.csv", "recursiveFileLookup": "true"}
    header = raw_tables.first_record(spark, address, **choose)
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise InputError(f"{raw}: Input CSV is missing the following columns: {missing}; found {header}")
    found = spark.read.format("binaryFile").options(**choose).load(address)
    return raw_tables.stage(found, header, CELLS, _clean, _ENCODINGS)


def _clean(frame: pd.DataFrame, steps: Steps) -> pd.DataFrame:
    lines = online_retail.clean(frame, steps).rename(columns=_NAMES)
    return usable(lines.assign(TITLE=lines["TITLE"].str.strip())[CELLS], "Interactions", steps)


def tables(lines: DataFrame) -> dict[str, tuple[list[str], str, DataFrame, list[str]]]:
    """Return dataset type -> the key that a row stands for, the name of the step, the rows, and their columns."""
    key = ["USER_ID", "ITEM_ID", "TIMESTAMP"]
    pieces = F.sum(F.col("EVENT_VALUE").cast("double")).cast("string").alias("EVENT_VALUE")  # whole numbers: any order, one sum
    events = lines.groupBy(*key).agg(F.lit("purchase").alias("EVENT_TYPE"), pieces, F.min("PLACE").alias("PLACE"))
    prices = lines.groupBy("ITEM_ID").agg(_median(F.col("PRICE").cast("double")).cast("string").alias("PRICE"))
    items = prices.join(most_frequent(lines, "ITEM_ID", "TITLE"), "ITEM_ID", "left")
    return {
        "Interactions": (key, "add up lines of one user, item and second", events, [*key, "EVENT_TYPE", "EVENT_VALUE"]),
        "Items": (["ITEM_ID"], "items: one row a StockCode", items, ["ITEM_ID", "TITLE", "PRICE"]),
        "Users": (["USER_ID"], "users: one row a CustomerID", most_frequent(lines, "USER_ID", "COUNTRY"), ["USER_ID", "COUNTRY"]),
    }


def _median(column: Column) -> Column:
    """Return the median as pandas rounds it: half of a sum (Spark's own interpolates, with another last digit now and then)."""
    values = F.sort_array(F.collect_list(column))
    n = F.size(values)
    return (values[F.floor((n - 1) / 2)] + values[F.floor(n / 2)]) / 2


def most_frequent(rows: DataFrame, key: str, value: str) -> DataFrame:
    """Return each key's most frequent value; the first by alphabet among equals."""
    counted = rows.where(F.col(value).isNotNull()).groupBy(key, value).count()
    place = F.row_number().over(Window.partitionBy(key).orderBy(F.desc("count"), F.asc(value)))
    return counted.withColumn("place", place).where("place = 1").select(key, value)
