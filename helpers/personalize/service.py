"""The service: one object that answers every operation, whichever door the request came through."""

import logging
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from helpers.errors import InputError
from helpers.personalize import catalogue, kinds, resources, wire
from helpers.personalize.answering import Answering
from helpers.personalize.errors import ServiceError, in_use, invalid, not_found
from helpers.personalize.events import Events
from helpers.personalize.groups import Groups
from helpers.personalize.jobs import Jobs, Train, train_in_process
from helpers.personalize.resources import ACTIVE, PENDING, RUNNING, Resources
from helpers.personalize.rules import Rules
from helpers.personalize.storage import FolderStorage
from helpers.personalize.store import Store
from helpers.personalize.trainings import Trainings
from helpers.personalize.work import BACKGROUND, Work

_LOG = logging.getLogger(__name__)
_AT_ONCE = ("Schema", "Filter", "MetricAttribution")
"""Kinds that are gone as soon as they are deleted; the others show their deletion once."""


class Service:
    """Amazon Personalize in one folder.

    Args:
        home: the folder that holds everything; made for its owner alone.
        workers: jobs that run at the same time.
        train: how a solution version is trained; by default in a process of its own.
        patience: seconds that a Describe waits for a job that is about to finish, so that short jobs never cost a poll.

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
        storage: FolderStorage | None = None,
    ):
        self._store = Store(home)
        self.home, self._patience = self._store.home, patience
        self.storage = storage or FolderStorage(self.home / "s3")
        self.resources = Resources(self._store)
        self.groups = Groups(self.resources, self.home / "data")
        self.rules = Rules(self.resources, self.groups)
        self._events = Events(self.resources, self.groups)
        self._jobs = Jobs(workers)
        self.trainings = Trainings(self.home / "versions", self.resources, self.groups, train)
        self.answering = Answering(self.resources, self.groups, self.trainings)
        self.work = Work(self, self._jobs, self.trainings)
        self._special = self._special_operations()
        self.work.resume()

    def close(self) -> None:
        """Stop the jobs and let go of the home; what was unfinished goes on at the next start."""
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
        return getattr(self, f"_{verb.lower()}")(kind, call)

    def _create(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        with self._store.transaction():
            given = call.parameters | self.rules.create(kind.noun, call.parameters)
            status = PENDING if kind.noun in BACKGROUND else ACTIVE
            record = self.resources.create(kind.noun, given, call.region, status)
        arn = record[kind.arn_member]
        if kind.noun in BACKGROUND:
            self.work.start(kind.noun, arn)
        if kind.noun == "Dataset":
            self.groups.forget(record["datasetGroupArn"])
        return record

    def _describe(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        arn = call.parameters[kind.arn_member]
        found = self._store.find(arn)
        states = [found[1].get("status"), found[1].get("latestCampaignUpdate", {}).get("status")] if found else []
        if PENDING in states or RUNNING in states:
            self._jobs.settle(arn, self._patience)
        record = self.resources.describe(kind.noun, arn)
        if kind.noun == "Solution":
            versions = self.resources.all("SolutionVersion", solutionArn=arn)
            record |= {"latestSolutionVersion": versions[-1]} if versions else {}
        return {resources.describe_key(call.operation): record}

    def _list(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        rows, token = self.resources.page(kind.noun, call.parameters)
        return {resources.list_key(call.operation): rows, "nextToken": token}

    def _update(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        given = call.parameters
        arn = given.get(kind.arn_member) or ""
        with self.groups.lock, self._store.transaction():  # always in this order
            self.rules.update(kind.noun, arn, given)
            if kind.noun == "Campaign":
                config = given.get("campaignConfig", self.resources.get(arn).get("campaignConfig", {}))
                version = given.get("solutionVersionArn", self.resources.get(arn)["solutionVersionArn"])
                resolved = self.rules.deployable(version)["solutionVersionArn"]
                self.work.plan_update(arn, {**given, "campaignConfig": config, "solutionVersionArn": resolved})
            elif kind.noun in ("Recommender", "Solution"):
                self._update_settings(kind, arn, given)
            elif kind.noun == "Dataset":
                record = self.resources.change(arn, schemaArn=given["schemaArn"])
                dates = {name: record["lastUpdatedDateTime"] for name in ("creationDateTime", "lastUpdatedDateTime")}
                update = {"schemaArn": given["schemaArn"], "status": ACTIVE} | dates
                self.resources.change(arn, latestDatasetUpdate=update)
                self.groups.forget(record["datasetGroupArn"])
            else:
                self.resources.change(arn, **{name: value for name, value in given.items() if name != kind.arn_member})
        return {kind.arn_member: arn}

    def _update_settings(self, kind: kinds.Kind, arn: str, given: Mapping[str, Any]) -> None:
        """Change what needs no training, and keep what was asked as the latest update."""
        asked = {name: value for name, value in given.items() if name != kind.arn_member}
        if kind.noun == "Recommender":
            changes = {"recommenderConfig": self.resources.get(arn)["recommenderConfig"] | asked["recommenderConfig"]}
        else:
            config = self.resources.get(arn).get("solutionConfig", {}) | asked.get("solutionUpdateConfig", {})
            changes = {name: value for name, value in asked.items() if name != "solutionUpdateConfig"} | {
                "solutionConfig": config
            }
        now = self.resources.change(arn, **changes)["lastUpdatedDateTime"]
        update = asked | {"status": ACTIVE, "creationDateTime": now, "lastUpdatedDateTime": now}
        self.resources.change(arn, **{f"latest{kind.noun}Update": update})

    def _delete(self, kind: kinds.Kind, call: wire.Call) -> None:
        arn = call.parameters[kind.arn_member]
        if kind.noun == "Dataset" and arn.endswith("/EVENT_INTERACTIONS"):
            return self._delete_event_interactions(arn)
        with self.groups.lock, self._store.transaction():
            record = self.resources.get(arn, kind.noun)
            self.rules.delete(kind.noun, arn)
            self.resources.delete(arn, at_once=kind.noun in _AT_ONCE)
            self._forget(kind.noun, arn, record)
        return None

    def _forget(self, noun: str, arn: str, record: Mapping[str, Any]) -> None:
        """Remove what belonged to a deleted resource."""
        if noun == "Campaign":
            self._jobs.stop(arn)
            self.answering.forget(arn)
        elif noun == "Recommender":
            self.answering.forget(arn)
            shutil.rmtree(self.trainings.folder(record), ignore_errors=True)
        elif noun == "Filter":
            self.answering.forget(arn)
        elif noun == "Dataset":
            self._store.remove_records(arn)
            if record["datasetType"] == "INTERACTIONS":
                self._store.remove_events(record["datasetGroupArn"])
            self.groups.forget(record["datasetGroupArn"])
            self.work.forget_parts(record.get("parts", []))
        elif noun == "Solution":
            for version in self.resources.all("SolutionVersion", solutionArn=arn):
                self._store.remove(version["solutionVersionArn"])
                shutil.rmtree(self.trainings.folder(version), ignore_errors=True)
        elif noun == "DatasetGroup":
            for filter_ in self.resources.all("Filter", datasetGroupArn=arn):
                self._store.remove(filter_["filterArn"])
                self.answering.forget(filter_["filterArn"])
            self.groups.forget(arn)

    def _delete_event_interactions(self, arn: str) -> None:
        """The dataset of streamed events, which AWS keeps beside the imported ones: here it lives and dies with those."""
        group = arn.replace(":dataset/", ":dataset-group/").rsplit("/", 1)[0]
        self.resources.get(group, "DatasetGroup")
        if self.resources.all("EventTracker", datasetGroupArn=group):
            raise in_use(f"{arn}: delete the event tracker first")

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

    def _list_metrics(self, given: Mapping[str, Any]) -> None:
        raise not_found(given.get("metricAttributionArn", ""))

    def _untag(self, given: Mapping[str, Any]) -> None:
        self.resources.get(given["resourceArn"])
        self._store.remove_tags(given["resourceArn"], given["tagKeys"])

    def _list_tags(self, given: Mapping[str, Any]) -> dict[str, Any]:
        self.resources.get(given["resourceArn"])
        tags = self._store.tags(given["resourceArn"])
        return {"tags": [{"tagKey": key, "tagValue": value} for key, value in tags.items()]}
