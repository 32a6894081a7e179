"""A small laboratory for the tests of the service: a shop of 40 items, a home with its files, boto3 clients, short ways."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from helpers.personalize import Service, connect
from helpers.personalize.jobs import train_here
from helpers.recipes.base import PERSONALIZED_RANKING, USER_PERSONALIZATION
from helpers.recipes.popularity_count import PopularityCount, PopularityModel

ROLE = "arn:aws:iam::123456789012:role/anything"
RECIPE = "arn:aws:personalize:::recipe/"
SCHEMAS = {
    "Interactions": [
        {"name": "USER_ID", "type": "string"},
        {"name": "ITEM_ID", "type": "string"},
        {"name": "EVENT_TYPE", "type": "string"},
        {"name": "EVENT_VALUE", "type": ["null", "float"]},
        {"name": "DEVICE", "type": ["null", "string"], "categorical": True},
        {"name": "TIMESTAMP", "type": "long"},
    ],
    "Items": [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "GENRE", "type": ["null", "string"], "categorical": True},
        {"name": "PRICE", "type": ["null", "float"]},
    ],
    "Users": [
        {"name": "USER_ID", "type": "string"},
        {"name": "AGE", "type": ["null", "int"]},
        {"name": "LAND", "type": ["null", "string"], "categorical": True},
    ],
}


def schema(kind: str, fields=None) -> str:
    return json.dumps({"type": "record", "name": kind, "fields": fields or SCHEMAS[kind], "version": "1.0"})


def interactions(n: int = 1500, seed: int = 0) -> pd.DataFrame:
    """Users u0 ..., items i00 ...: low numbers are popular."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "USER_ID": [f"u{user}" for user in rng.integers(0, 60, n)],
            "ITEM_ID": [f"i{item:02}" for item in np.minimum(rng.geometric(0.1, n) - 1, 38)],
            "EVENT_TYPE": rng.choice(["view", "purchase"], n, p=[0.8, 0.2]),
            "EVENT_VALUE": rng.integers(1, 6, n),
            "DEVICE": rng.choice(["phone", "laptop"], n),
            "TIMESTAMP": 1_700_000_000 + np.sort(rng.integers(0, 10_000_000, n)),
        }
    )


def items() -> pd.DataFrame:
    """40 items, of which i39 was never touched: even ones are tea, odd ones cups, every fifth both."""
    genres = ["tea|cup" if i % 5 == 0 else "tea" if i % 2 == 0 else "cup" for i in range(40)]
    return pd.DataFrame({"ITEM_ID": [f"i{i:02}" for i in range(40)], "GENRE": genres, "PRICE": [float(i) for i in range(40)]})


def users() -> pd.DataFrame:
    return pd.DataFrame({"USER_ID": [f"u{i}" for i in range(60)], "AGE": list(range(10, 70)), "LAND": ["KR", "DE", "FR"] * 20})


@dataclass
class Lab:
    """One service with three clients."""

    service: Service

    def __post_init__(self):
        boto = connect(self.service.handle)
        self.control, self.runtime, self.events = (
            boto.client(name) for name in ("personalize", "personalize-runtime", "personalize-events")
        )
        self.bucket = self.service.home / "s3" / "bucket"
        self.bucket.mkdir(parents=True, exist_ok=True)
        self.group = "arn:aws:personalize:us-east-1:123456789012:dataset-group/shop"

    def write(self, key: str, frame: pd.DataFrame | str) -> str:
        path = self.bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(frame if isinstance(frame, str) else frame.to_csv(index=False), encoding="utf-8")
        return f"s3://bucket/{key}"

    def dataset(self, kind: str) -> str:
        return f"arn:aws:personalize:us-east-1:123456789012:dataset/shop/{kind.upper()}"

    def load(self, kind: str, frame, name: str | None = None, **more) -> dict:
        """Import a table and return the finished job."""
        name = name or f"import-{kind}-{time.monotonic_ns()}"
        source = {"dataLocation": self.write(f"{name}.csv", frame)}
        arn = self.control.create_dataset_import_job(
            jobName=name, datasetArn=self.dataset(kind), dataSource=source, roleArn=ROLE, **more
        )["datasetImportJobArn"]
        return self.done("dataset_import_job", arn)

    def shop(self, kinds=("Interactions", "Items", "Users")) -> "Lab":
        """Make the dataset group with its data."""
        self.control.create_dataset_group(name="shop")
        frames = {"Interactions": interactions, "Items": items, "Users": users}
        for kind in kinds:
            arn = self.control.create_schema(name=kind, schema=schema(kind))["schemaArn"]
            self.control.create_dataset(name=kind, schemaArn=arn, datasetGroupArn=self.group, datasetType=kind)
            assert self.load(kind, frames[kind]())["status"] == "ACTIVE"
        return self

    def done(self, kind: str, arn: str) -> dict:
        """Wait until a resource has its last status and return it."""
        member = "".join(part.title() if i else part for i, part in enumerate(kind.split("_")))
        for _ in range(3000):
            found = getattr(self.control, f"describe_{kind}")(**{f"{member}Arn": arn})[member]
            states = {found["status"], found.get("latestCampaignUpdate", {}).get("status", "ACTIVE")}
            if not any("PENDING" in state or "PROGRESS" in state for state in states):
                return found
            time.sleep(0.02)
        raise AssertionError(f"{arn} is still {found['status']}")

    def version(self, recipe: str, name: str = "solution", **solution) -> str:
        """Train a solution version; return its ARN once it is ACTIVE."""
        arn = f"arn:aws:personalize:us-east-1:123456789012:solution/{name}"
        if self.service.resources.store.find(arn) is None:
            self.control.create_solution(name=name, datasetGroupArn=self.group, recipeArn=RECIPE + recipe, **solution)
        version = self.control.create_solution_version(solutionArn=arn)["solutionVersionArn"]
        found = self.done("solution_version", version)
        assert found["status"] == "ACTIVE", found
        return version

    def campaign(self, recipe: str, name: str = "campaign", config=None, **solution) -> str:
        """Train and deploy; return the campaign's ARN once it is ACTIVE."""
        version = self.version(recipe, f"solution-{name}", **solution)
        more = {"campaignConfig": config} if config else {}
        arn = self.control.create_campaign(name=name, solutionVersionArn=version, **more)["campaignArn"]
        assert self.done("campaign", arn)["status"] == "ACTIVE"
        return arn

    def recommend(self, campaign: str, **request) -> list[str]:
        answer = self.runtime.get_recommendations(campaignArn=campaign, **request)
        return [row["itemId"] for row in answer["itemList"]]

    def filter(self, name: str, expression: str) -> str:
        return self.control.create_filter(name=name, datasetGroupArn=self.group, filterExpression=expression)["filterArn"]

    def tracker(self) -> str:
        return self.control.create_event_tracker(name="tracker", datasetGroupArn=self.group)["trackingId"]

    def send(self, tracking_id: str, user: str | None, item: str | None, kind: str = "view", session="s", **more) -> None:
        event = {"eventType": kind, "sentAt": more.pop("sentAt", 1_800_000_000)} | ({"itemId": item} if item else {}) | more
        who = {"userId": user} if user else {}
        self.events.put_events(trackingId=tracking_id, sessionId=session, eventList=[event], **who)


def open_lab(home: Path, **options) -> Lab:
    return Lab(Service(home, **{"train": train_here, "patience": 5.0} | options))


class NewestFirstModel(PopularityModel):
    """Recommends a user's own items, the newest first, then the rest by popularity; context and scores are visible."""

    def score(self, histories, context=None):
        scores = np.tile(self.arrays["users"] / 1e6, (len(histories), 1))
        for row in range(len(histories)):
            mine = histories.items[histories.offsets[row] : histories.offsets[row + 1]]
            for place, item in enumerate(mine):
                scores[row, item] = 1 + place
        if context and context.get("DEVICE") == "phone":
            scores = -scores
        return scores

    def rank(self, histories, candidates, context=None):
        scores = self.score(histories, context)
        picked = np.where(candidates >= 0, np.take_along_axis(scores, np.maximum(candidates, 0), 1), np.nan)
        order = np.argsort(np.where(np.isnan(picked), np.inf, -picked), axis=1, kind="stable")
        return order, np.take_along_axis(picked, order, 1)


class NewestFirst(PopularityCount):
    """A recipe whose answers can be told by eye."""

    name, type, returns_scores = "local-newest-first", USER_PERSONALIZATION, True

    def fit(self, dataset, seed=0):
        model = super().fit(dataset, seed)
        return NewestFirstModel(self, model.item_ids, model.arrays)


class NewestRanking(NewestFirst):
    name, type = "local-newest-ranking", PERSONALIZED_RANKING


FAKES = {recipe.name: (recipe, NewestFirstModel) for recipe in (NewestFirst, NewestRanking)}
