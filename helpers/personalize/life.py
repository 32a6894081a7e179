"""The life of all resources: create, describe, list, update, delete, with what each brings along and leaves behind."""

import shutil
from collections.abc import Mapping
from typing import Any

from helpers.personalize import kinds, resources, wire
from helpers.personalize.answering import Answering
from helpers.personalize.errors import in_use
from helpers.personalize.groups import Groups
from helpers.personalize.jobs import Jobs
from helpers.personalize.resources import ACTIVE, PENDING, RUNNING, Resources
from helpers.personalize.rules import Rules, metrics_after
from helpers.personalize.trainings import Trainings
from helpers.personalize.work import BACKGROUND, Work

_AT_ONCE = ("Schema", "Filter", "MetricAttribution")
"""Kinds that are gone as soon as they are deleted; the others show their deletion once."""


class Life:
    """The generic operations of one service.

    Args:
        patience: seconds that a Describe waits for a job that is about to finish.
    """

    def __init__(
        self,
        resources: Resources,
        groups: Groups,
        trainings: Trainings,
        answering: Answering,
        jobs: Jobs,
        work: Work,
        patience: float,
    ):
        self._all, self._groups, self._trainings, self._answering = resources, groups, trainings, answering
        self._jobs, self._work, self._patience = jobs, work, patience
        self._rules, self._store = Rules(resources, groups), resources.store

    def answer(self, verb: str, kind: kinds.Kind, call: wire.Call) -> Mapping[str, Any] | None:
        """Answer an operation such as CreateCampaign, verb ``Create`` and the kind of campaigns."""
        return getattr(self, f"_{verb.lower()}")(kind, call)

    def _create(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        with self._store.transaction():
            given = call.parameters | self._rules.create(kind.noun, call.parameters)
            status = PENDING if kind.noun in BACKGROUND else ACTIVE
            record = self._all.create(kind.noun, given, call.region, status)
        arn = record[kind.arn_member]
        if kind.noun in BACKGROUND:
            self._work.start(kind.noun, arn)
        if kind.noun == "Dataset":
            self._groups.forget(record["datasetGroupArn"])
        return record

    def _describe(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        arn = call.parameters[kind.arn_member]
        found = self._store.find(arn)
        states = [found[1].get("status"), found[1].get("latestCampaignUpdate", {}).get("status")] if found else []
        if PENDING in states or RUNNING in states:
            self._jobs.settle(arn, self._patience)
        record = self._all.describe(kind.noun, arn)
        if kind.noun == "Solution":
            versions = self._all.all("SolutionVersion", solutionArn=arn)
            record |= {"latestSolutionVersion": versions[-1]} if versions else {}
        return {resources.describe_key(call.operation): resources.shown(kind.noun, record)}

    def _list(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        rows, token = self._all.page(kind.noun, call.parameters)
        return {resources.list_key(call.operation): [resources.shown(kind.noun, row) for row in rows], "nextToken": token}

    def _update(self, kind: kinds.Kind, call: wire.Call) -> dict[str, Any]:
        given = call.parameters
        arn = given.get(kind.arn_member) or ""
        with self._groups.lock, self._store.transaction():  # always in this order
            self._rules.update(kind.noun, arn, given)
            getattr(self, f"_update_{kind.noun}")(arn, {name: value for name, value in given.items() if name != kind.arn_member})
        return {kind.arn_member: arn}

    def _update_Campaign(self, arn: str, asked: dict[str, Any]) -> None:
        record = self._all.get(arn)
        config = asked.get("campaignConfig", record.get("campaignConfig", {}))
        version = self._rules.deployable(asked.get("solutionVersionArn", record["solutionVersionArn"]))["solutionVersionArn"]
        self._work.plan_update(arn, asked | {"campaignConfig": config, "solutionVersionArn": version})

    def _update_Dataset(self, arn: str, asked: dict[str, Any]) -> None:
        self._changed("Dataset", arn, asked, schemaArn=asked["schemaArn"])
        self._groups.forget(self._all.get(arn)["datasetGroupArn"])

    def _update_Recommender(self, arn: str, asked: dict[str, Any]) -> None:
        config = self._all.get(arn)["recommenderConfig"] | asked["recommenderConfig"]
        self._changed("Recommender", arn, asked, recommenderConfig=config)

    def _update_Solution(self, arn: str, asked: dict[str, Any]) -> None:
        config = self._all.get(arn).get("solutionConfig", {}) | asked.get("solutionUpdateConfig", {})
        switches = {name: value for name, value in asked.items() if name != "solutionUpdateConfig"}
        self._changed("Solution", arn, asked, solutionConfig=config, **switches)

    def _update_MetricAttribution(self, arn: str, asked: dict[str, Any]) -> None:
        output = {name: asked[name] for name in ("metricsOutputConfig",) if name in asked}
        self._all.change(arn, metrics=metrics_after(self._all.get(arn), asked), **output)

    def _changed(self, noun: str, arn: str, asked: Mapping[str, Any], **changes: Any) -> None:
        """Change what needs no training, and keep what was asked as the latest update."""
        now = self._all.change(arn, **changes)["lastUpdatedDateTime"]
        update = {**asked, "status": ACTIVE, "creationDateTime": now, "lastUpdatedDateTime": now}
        self._all.change(arn, **{f"latest{noun}Update": update})

    def _delete(self, kind: kinds.Kind, call: wire.Call) -> None:
        arn = call.parameters[kind.arn_member]
        if kind.noun == "Dataset" and arn.endswith("/EVENT_INTERACTIONS"):
            return self._delete_event_interactions(arn)
        with self._groups.lock, self._store.transaction():
            record = self._all.get(arn, kind.noun)
            self._rules.delete(kind.noun, arn)
            self._all.delete(arn, at_once=kind.noun in _AT_ONCE)
            self._forget(kind.noun, arn, record)
        return None

    def _forget(self, noun: str, arn: str, record: Mapping[str, Any]) -> None:
        """Remove what belonged to a deleted resource."""
        if noun == "Campaign":
            self._jobs.stop(arn)
        if noun in ("Campaign", "Recommender", "Filter"):
            self._answering.forget(arn)
        if noun == "Recommender":
            shutil.rmtree(self._trainings.folder(record), ignore_errors=True)
        elif noun == "Dataset":
            self._store.remove_records(arn)
            if record["datasetType"] == "INTERACTIONS":
                self._store.remove_events(record["datasetGroupArn"])
            self._groups.forget(record["datasetGroupArn"])
            self._work.forget_parts(record.get("parts", []))
        elif noun == "Solution":
            for version in self._all.all("SolutionVersion", solutionArn=arn):
                self._store.remove(version["solutionVersionArn"])
                shutil.rmtree(self._trainings.folder(version), ignore_errors=True)
        elif noun == "DatasetGroup":
            self._forget_group(arn)

    def _forget_group(self, arn: str) -> None:
        for noun in ("Filter", "MetricAttribution"):
            for record in self._all.all(noun, datasetGroupArn=arn):
                owned = record[kinds.kinds()[noun].arn_member]
                self._store.remove(owned)
                self._answering.forget(owned)
        self._store.remove_deleted_users(arn)
        self._groups.forget(arn)

    def _delete_event_interactions(self, arn: str) -> None:
        """The dataset of streamed events, which AWS keeps beside the imported ones: here it lives and dies with those."""
        group = arn.replace(":dataset/", ":dataset-group/").rsplit("/", 1)[0]
        self._all.get(group, "DatasetGroup")
        if self._all.all("EventTracker", datasetGroupArn=group):
            raise in_use(f"{arn}: delete the event tracker first")
