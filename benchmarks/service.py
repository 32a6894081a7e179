"""Time the local service: ``python benchmarks/service.py [--items 100000] [--rows 1000000] [--calls 300]``.

Protocol: a generated shop (ids, events and attributes drawn with seed 0), SIMS and Popularity-Count trained on it. Timed on
a warm campaign: one GetRecommendations of 25 items inside the service (``handle`` with the bytes of a request), through
boto3 in-process, and as a rate over HTTP from several connections of a thin client; each with and without a filter on an
item attribute and on the user's own events. boto3's own share is the difference between its call and ``handle``. The import
is timed from the CSV file to ACTIVE.
"""

import argparse
import http.client
import json
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from helpers import personalize
from helpers.datasets.dataset import Dataset
from helpers.personalize import quick
from helpers.personalize.server import running
from helpers.schemas import Field, Schema

HEADERS = {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/personalize/aws4_request, SignedHeaders=x"}


def make(items: int, rows: int) -> Dataset:
    """Return a shop with long-tailed popularity."""
    rng = np.random.default_rng(0)
    popularity = np.minimum((rng.pareto(0.8, rows) * items / 500).astype(int), items - 1)
    interactions = pd.DataFrame(
        {
            "USER_ID": np.char.add("u", rng.integers(0, rows // 20, rows).astype(str)),
            "ITEM_ID": np.char.add("i", popularity.astype(str)),
            "EVENT_TYPE": rng.choice(["view", "purchase"], rows),
            "TIMESTAMP": 1_700_000_000 + rng.integers(0, 10_000_000, rows),
        }
    ).drop_duplicates()
    attributes = pd.DataFrame(
        {"ITEM_ID": [f"i{i}" for i in range(items)], "GENRE": rng.choice(list("abcdefgh"), items), "PRICE": rng.random(items)}
    )
    text = Field("EVENT_TYPE", "string")
    schemas = {
        "Interactions": Schema(
            "Interactions", (Field("USER_ID", "string"), Field("ITEM_ID", "string"), text, Field("TIMESTAMP", "long"))
        ),
        "Items": Schema(
            "Items", (Field("ITEM_ID", "string"), Field("GENRE", "string", True, True), Field("PRICE", "float", True))
        ),
    }
    return Dataset.from_frames("bench", interactions, attributes, schemas=schemas)


def median_ms(call: Callable[[int], object], calls: int) -> float:
    """Return the median of so many timed calls, in milliseconds, after a few untimed ones."""
    times = []
    for i in range(calls + 10):
        start = time.perf_counter()
        call(i)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[10:]))


def post(address: str, bodies: list[bytes], calls: int) -> None:
    """Send so many requests over one kept connection, as a thin client does (boto3 itself needs more time than the service)."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"))
    for i in range(calls):
        connection.request("POST", "/recommendations", bodies[i % len(bodies)], HEADERS)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the service answered {answer.status}")
    connection.close()


def time_runtime(service: personalize.Service, requests: dict[str, Callable[[int], dict]], calls: int, threads: int) -> None:
    """Print a line a kind of request."""
    inside = personalize.connect(service.handle).client("personalize-runtime")
    print(f"{'request':34}{'handle ms':>11}{'boto3 ms':>11}{'HTTP/s':>9}")
    with running(service.handle) as address:
        for name, make_request in requests.items():
            bodies = [json.dumps(make_request(i)).encode() for i in range(50)]
            handled = median_ms(lambda i, b=bodies: service.handle("POST", "/recommendations", HEADERS, b[i % 50]), calls)
            through = median_ms(lambda i, m=make_request: inside.get_recommendations(**m(i)), calls)
            with ThreadPoolExecutor(threads) as pool:
                start = time.perf_counter()
                list(pool.map(lambda _, b=bodies: post(address, b, calls), range(threads)))
                rate = threads * calls / (time.perf_counter() - start)
            print(f"{name:34}{handled:11.2f}{through:11.2f}{rate:9.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--threads", type=int, default=4)
    arguments = parser.parse_args()
    dataset = make(arguments.items, arguments.rows)
    with tempfile.TemporaryDirectory() as folder, personalize.Service(Path(folder) / "home") as service:
        control = personalize.connect(service.handle).client("personalize")
        locations = quick.upload(service.home, dataset)
        start = time.perf_counter()
        group = quick.import_dataset(control, dataset, locations)
        seconds = time.perf_counter() - start
        print(f"import of {len(dataset.interactions):,} interactions and {arguments.items:,} items: {seconds:.1f} s")
        campaigns = {}
        for recipe in ("aws-popularity-count", "aws-sims"):
            start = time.perf_counter()
            campaigns[recipe] = quick.deploy(control, quick.train(control, group, recipe), recipe)
            print(f"{recipe}: trained, measured and deployed in {time.perf_counter() - start:.1f} s")
        texts = {
            "genre": 'INCLUDE ItemID WHERE Items.GENRE IN ("a", "b") AND Items.PRICE < 0.5',
            "seen": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("purchase")',
        }
        filters = {
            name: control.create_filter(name=name, datasetGroupArn=group, filterExpression=text)["filterArn"]
            for name, text in texts.items()
        }
        requests = {}
        for recipe, campaign in campaigns.items():
            base = lambda i, c=campaign: {"campaignArn": c, "userId": f"u{i % 50}", "itemId": f"i{i % 50}"}  # noqa: E731
            requests[recipe] = base
            for name, arn in filters.items():
                requests[f"{recipe}, filter {name}"] = lambda i, b=base, a=arn: b(i) | {"filterArn": a}
        time_runtime(service, requests, arguments.calls, arguments.threads)
        print(f"peak memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
