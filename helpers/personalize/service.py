"""The service: one object that answers every operation, whichever door the request came through."""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers.errors import InputError
from helpers.personalize import catalogue, resources, wire
from helpers.personalize.answering import Answering
from helpers.personalize.errors import ServiceError, in_use, invalid
from helpers.personalize.events import Events
from helpers.personalize.groups import Groups
from helpers.personalize.jobs import Jobs, Train, train_in_process
from helpers.personalize.life import Life
from helpers.personalize.reports import Reports
from helpers.personalize.resources import ACTIVE, PENDING, RUNNING, Resources
from helpers.personalize.schedule import Clock, is_due
from helpers.personalize.solution_rules import version_of
from helpers.personalize.storage import FolderStorage
from helpers.personalize.store import Store
from helpers.personalize.trainings import Trainings
from helpers.personalize.work import Work

_LOG = logging.getLogger(__name__)


class Service:
    """Amazon Personalize in one folder.

    Args:
        home: the folder that holds everything; made for its owner alone.
        workers: jobs that run at the same time.
        train: how a solution version is trained; by default in a process of its own.
        patience: seconds that a Describe waits for a job that is about to finish, so that short jobs never cost a poll.
        tick_seconds: seconds between two calls of :meth:`tick`.
        storage: where ``s3://`` leads; by default into the folder ``s3`` of the home.

    Raises:
        InputError: the home is in use or not ours.
    """

    def __init__(
        self,
        home: str | Path,
        *,
        workers: int = 2,
        train: Train = train_in_process,
        patience: float = 1.0,
        tick_seconds: float = 60.0,
        storage: FolderStorage | None = None,
    ):
        self._store = Store(home)
        self.home = self._store.home
        self.storage = storage or FolderStorage(self.home / "s3")
        self.resources = Resources(self._store)
        self.groups = Groups(self.resources, self.home / "data")
        self._jobs = Jobs(workers)
        self.trainings = Trainings(self.home / "versions", self.resources, self.groups, train)
        self.answering = Answering(self.resources, self.groups, self.trainings)
        self._events = Events(self.resources, self.groups, self.answering.answered)
        self._reports = Reports(self.resources, self.groups, self.storage)
        self.work = Work(self, self._jobs, self.trainings, self._reports)
        parts = (self.resources, self.groups, self.trainings, self.answering, self._jobs, self.work)
        self._life = Life(*parts, patience)
        self._special = self._special_operations()
        self.work.resume()
        self._clock = Clock(self.tick, tick_seconds)

    def close(self) -> None:
        """Stop the jobs and let go of the home; what was unfinished goes on at the next start."""
        self._clock.close()
        self._jobs.close()
        self._store.close()

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Answer one request. A fault of the program is logged with its traceback and answered once, never as an error that
        clients would silently retry."""
        rest = wire.is_rest(path)
        common = {"x-amzn-RequestId": str(uuid.uuid4()), "Content-Type": f"application/{'json' if rest else 'x-amz-json-1.1'}"}
        try:
            call = wire.read(method, path, headers, body)
            return 200, common, wire.write(call, self._answer(call) or {})
        except ServiceError as error:
            fault = error
        except InputError as error:
            fault = invalid(str(error))
        except Exception:
            _LOG.exception("%s %s failed", method, path)
            fault = ServiceError("InternalFailure", "the service has a fault of its own; its log holds the traceback")
        status, more, content = wire.write_error(fault, rest=rest)
        return status, common | more, content

    def _answer(self, call: wire.Call) -> Mapping[str, Any] | None:
        special = self._special.get(call.operation)
        if special is not None:
            return special(call.parameters)
        found = resources.noun_of(call.operation)
        if found is None:
            raise invalid(f"{call.operation} is not served by the local service")
        verb, kind = found
        return self._life.answer(verb, kind, call)

    def tick(self, now: float | None = None) -> None:
        """Do what is due by itself: automatic trainings, reports of metric attributions. The clock calls it every minute.

        Args:
            now: Unix seconds; by default the time of the machine.
        """
        now = time.time() if now is None else now
        for solution in self.resources.all("Solution", performAutoTraining=True):
            self._train_if_due(solution, now)
        self._reports.publish_streamed(now)

    def _train_if_due(self, solution: Mapping[str, Any], now: float) -> None:
        arn = solution["solutionArn"]
        with self._store.transaction():
            if not is_due(solution, self.resources.all("SolutionVersion", solutionArn=arn), now):
                return
            given = version_of(solution) | {"solutionArn": arn, "trainingMode": "FULL", "trainingType": "AUTOMATIC"}
            version = self.resources.create("SolutionVersion", given, arn.split(":")[3], PENDING)["solutionVersionArn"]
        self.work.start("SolutionVersion", version)

    def _special_operations(self) -> dict[str, Callable[[dict[str, Any]], Mapping[str, Any] | None]]:
        return {
            "ListRecipes": self._list_recipes,
            "DescribeRecipe": lambda p: {"recipe": catalogue.describe("Recipe", p["recipeArn"])},
            "DescribeAlgorithm": lambda p: {"algorithm": catalogue.describe("Algorithm", p["algorithmArn"])},
            "DescribeFeatureTransformation": lambda p: {
                "featureTransformation": catalogue.describe("FeatureTransformation", p["featureTransformationArn"])
            },
            "GetSolutionMetrics": self._metrics,
            "StartRecommender": lambda p: self._switch(p["recommenderArn"], "INACTIVE", ACTIVE),
            "StopRecommender": lambda p: self._switch(p["recommenderArn"], ACTIVE, "INACTIVE"),
            "StopSolutionVersionCreation": self._stop_version,
            "ListMetricAttributionMetrics": self._list_metrics,
            "TagResource": lambda p: self.resources.tag(p["resourceArn"], {t["tagKey"]: t["tagValue"] for t in p["tags"]}),
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
            "GetRecommendations": self.answering.recommendations,
            "GetPersonalizedRanking": self.answering.ranking,
            "PutEvents": self._events.put_events,
            "PutItems": lambda p: self._events.put_records("Items", p),
            "PutUsers": lambda p: self._events.put_records("Users", p),
        }

    def _list_recipes(self, given: Mapping[str, Any]) -> dict[str, Any]:
        rows = catalogue.listed(given.get("domain"))
        rows, token = resources.page_of("Recipe", rows, given)
        return {"recipes": rows, "nextToken": token}

    def _metrics(self, given: Mapping[str, Any]) -> dict[str, Any]:
        version = self.resources.get(given["solutionVersionArn"], "SolutionVersion")
        if version["status"] != ACTIVE:
            raise in_use(f"{given['solutionVersionArn']} is {version['status']}; metrics are there once it is ACTIVE")
        return {"solutionVersionArn": given["solutionVersionArn"], "metrics": version["metrics"]}

    def _stop_version(self, given: Mapping[str, Any]) -> None:
        arn = given["solutionVersionArn"]
        version = self.resources.get(arn, "SolutionVersion")
        if version["status"] not in (PENDING, RUNNING):
            raise invalid(f"{arn} is {version['status']}; only a version in progress can be stopped")
        self.resources.change(arn, status="CREATE STOPPED")
        self._jobs.stop(arn)

    def _switch(self, arn: str, before: str, after: str) -> dict[str, Any]:
        """Start or stop a recommender; its model stays."""
        with self._store.transaction():
            if (status := self.resources.get(arn, "Recommender")["status"]) != before:
                raise in_use(f"{arn} is {status}; it must be {before}")
            self.resources.change(arn, status=after)
        return {"recommenderArn": arn}

    def _list_metrics(self, given: Mapping[str, Any]) -> dict[str, Any]:
        record = self.resources.get(given.get("metricAttributionArn", ""), "MetricAttribution")
        rows, token = resources.page_of("Metric", record["metrics"], given)
        return {"metrics": rows, "nextToken": token}

    def _untag(self, given: Mapping[str, Any]) -> None:
        self.resources.get(given["resourceArn"])
        self._store.remove_tags(given["resourceArn"], given["tagKeys"])

    def _list_tags(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self.resources.get(given["resourceArn"])
        tags = self._store.tags(given["resourceArn"])
        return {"tags": [{"tagKey": key, "tagValue": value} for key, value in tags.items()]}
