"""The trainings of the service: what each is told to learn, its folder with the data, the run, and what it left."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from helpers.errors import InputError
from helpers.personalize import data, training
from helpers.personalize.domains import UseCase, use_case_of
from helpers.personalize.errors import invalid
from helpers.personalize.groups import Groups
from helpers.personalize.jobs import Stopped, Train
from helpers.personalize.resources import ACTIVE, Resources
from helpers.schemas import Schema
from helpers.schemas.schema import REQUIRED

AUTO_ML_RECIPES = ("aws-hrnn", "aws-hrnn-coldstart", "aws-hrnn-metadata")
"""What AutoML chooses from unless its configuration names other recipes."""


class Trainings:
    """Runs the trainings of solution versions and recommenders; each has a folder of its own.

    Args:
        folder: holds the folders of all trainings.
        resources: what there is.
        groups: the data.
        train: trains what a folder describes; gets an event that tells it to stop.
    """

    def __init__(self, folder: Path, resources: Resources, groups: Groups, train: Train):
        self._root, self._all, self._groups, self._train = folder, resources, groups, train
        self._root.mkdir(exist_ok=True)

    def folder(self, record: Mapping[str, Any]) -> Path:
        """Return the folder of a solution version or recommender."""
        return self._root / record["folder"]

    def forget_others(self) -> None:
        """Remove the folders that belong to nothing."""
        known = {record["folder"] for noun in ("SolutionVersion", "Recommender") for record in self._all.all(noun)}
        for path in self._root.iterdir():
            if path.name not in known:
                shutil.rmtree(path)

    def run(self, record: Mapping[str, Any], spec: Mapping[str, Any], stop: Event) -> dict[str, Any]:
        """Train what the specification says on the data as they are now.

        Returns:
            ``metrics``, ``trainingHours``, ``watermark`` (the number of the newest streamed event that was learned from) and,
            after a search, ``tunedHPOParams`` or ``bestRecipeArn``.

        Raises:
            InputError, ServiceError: the data or the specification are at fault.
            Stopped: ``stop`` was set.
        """
        folder = self.folder(record)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        watermark = self._prepare(folder, record["datasetGroupArn"], spec)
        self._train(folder, stop)
        if stop.is_set():
            raise Stopped
        summary = json.loads((folder / training.TRAINED / training.SUMMARY).read_text(encoding="utf-8"))
        for path in folder.glob("*.parquet"):
            path.unlink()
        found = {name: summary[name] for name in ("metrics", "tunedHPOParams", "bestRecipeArn") if name in summary}
        return found | {"trainingHours": round(summary["trainingHours"], 3), "watermark": watermark}

    def specification(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a solution version or recommender shall learn."""
        config = record.get("solutionConfig") or record.get("recommenderConfig") or {}
        case = use_case_of(record)
        spec = {
            "name": record.get("solutionVersionArn") or record["recommenderArn"],
            "recipe": case.recipe if case else record.get("recipeArn", "").rsplit("/", 1)[-1],
            "hyperparameters": hyperparameters(config),
            "seed": 0,
            "events": _events_of_case(case) if case else chosen_events(record, config),
            "columns": config.get("trainingDataConfig", {}),
            "objective": config.get("optimizationObjective"),
        } | searched(record, config)
        if record.get("trainingMode") == "UPDATE":  # an update does not change the metrics
            full = self._all.all("SolutionVersion", solutionArn=record["solutionArn"], trainingMode="FULL", status=ACTIVE)[-1]
            spec |= {"metrics": full["metrics"], "base": str(self.folder(full) / training.TRAINED / "model")}
        return spec

    def _prepare(self, folder: Path, group: str, spec: Mapping[str, Any]) -> int:
        """Put the specification and all data into the folder; return the number of the newest streamed event."""
        with self._groups.lock:
            schemas, parts = self._groups.schemas(group), self._groups.parts(group)
            if "Interactions" not in schemas:
                raise invalid("the dataset group has no Interactions dataset")
            events = self._all.store.events(group)
            linked = {kind: [folder / f"part-{kind}-{i}.parquet" for i in range(len(files))] for kind, files in parts.items()}
            for kind, files in parts.items():
                for source, link in zip(files, linked[kind], strict=True):
                    os.link(source, link)  # a later import may replace the part while this training reads it
            for dataset in self._all.all("Dataset", datasetGroupArn=group):
                kind = data.KINDS[dataset["datasetType"]]
                self.put(group, dataset["datasetArn"], schemas[kind]).to_parquet(folder / f"{kind}.parquet")
        known = {kind: narrowed(schema, spec["columns"]) for kind, schema in schemas.items()}
        whole = dict(spec) | {
            "schemas": {kind: schema.to_json() for kind, schema in known.items() if schema},
            "parts": {kind: [str(link) for link in links] for kind, links in linked.items()},
        }
        (folder / training.SPEC).write_text(json.dumps(whole), encoding="utf-8")
        return events[-1][0] if events else 0

    def put(self, group: str, dataset: str, schema: Schema) -> pd.DataFrame:
        """Return what was put one by one into a dataset."""
        if schema.dataset_type == "Interactions":
            return data.events_frame([event for _, event in self._all.store.events(group)], schema)
        return data.records_frame(self._all.store.records(dataset), schema)


def hyperparameters(config: Mapping[str, Any]) -> dict[str, str]:
    """Return all hyperparameters of a solution's configuration, those of the algorithm and of the feature transformation."""
    return {**config.get("algorithmHyperParameters", {}), **config.get("featureTransformationParameters", {})}


def searched(record: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a solution leaves to a search: ``search`` (and the ``hyperparameters`` that stay fixed) where it asks for HPO,
    ``candidates`` and ``metric`` where it asks for AutoML.

    Raises:
        InputError: a number of jobs that is none or outside its limits.
    """
    if record.get("performAutoML"):
        auto = config.get("autoMLConfig", {})
        names = [arn.rsplit("/", 1)[-1] for arn in auto.get("recipeList", ())] or list(AUTO_ML_RECIPES)
        return {"candidates": names, "metric": auto.get("metricName")}
    if not record.get("performHPO"):
        return {}
    given = config.get("hpoConfig", {})
    limits = given.get("hpoResourceConfig", {})
    ranges = given.get("algorithmHyperParameterRanges") or {}
    ranged = {entry["name"] for entries in ranges.values() for entry in entries}
    jobs = {"trials": ("maxNumberOfTrainingJobs", 40, 10), "jobs": ("maxParallelTrainingJobs", 10, 1)}
    search = {name: _whole(limits, member, most, default) for name, (member, most, default) in jobs.items()}
    fixed = {name: value for name, value in hyperparameters(config).items() if name not in ranged}
    return {"hyperparameters": fixed, "search": search | {"ranges": ranges or None}}


def _whole(limits: Mapping[str, str], member: str, most: int, default: int) -> int:
    text = limits.get(member, str(default))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= most:
        raise InputError(f"hpoResourceConfig: {member} is {text!r}; write a whole number, 1 to {most}")
    return int(text)


def _events_of_case(case: UseCase) -> list[dict[str, Any]]:
    return [{"type": case.learns_from, "any_case": True}] if case.learns_from else []


def chosen_events(record: Mapping[str, Any], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which events a solution learns from, ``{"type", "least"}`` each (None = any); empty = all."""
    several = config.get("eventsConfig", {}).get("eventParametersList", [])
    if several:
        return [{"type": one.get("eventType"), "least": one.get("eventValueThreshold")} for one in several]
    one = {"type": record.get("eventType"), "least": config.get("eventValueThreshold")}
    return [one] if any(one.values()) else []


def narrowed(schema: Schema, config: Mapping[str, Any]) -> Schema | None:
    """Return a schema without the columns that a ``trainingDataConfig`` keeps from the training.

    Args:
        schema: of one dataset.
        config: ``includedDatasetColumns`` or ``excludedDatasetColumns``, each dataset type -> column names. What must be in every
            dataset stays in any case; a dataset type that is not named keeps all its columns.

    Returns:
        None where no attribute of items or users is left to learn from.

    Raises:
        InputError: an unknown column, or one that cannot be left out.
    """
    kind = schema.dataset_type
    lists = {key: _columns_of(kind, config.get(f"{key}DatasetColumns", {})) for key in ("included", "excluded")}
    for names in lists.values():
        unknown = sorted(set(names or ()) - set(schema.names))
        if unknown:
            raise InputError(
                f"trainingDataConfig: the {kind} schema has no {', '.join(unknown)}; known: {', '.join(schema.names)}"
            )
    needed = {*REQUIRED[kind], "EVENT_TYPE", "EVENT_VALUE"}
    if fixed := sorted(needed & set(lists["excluded"] or ())):
        raise InputError(f"trainingDataConfig: {', '.join(fixed)} cannot be excluded")
    kept = needed | (set(schema.names) if lists["included"] is None else set(lists["included"])) - set(lists["excluded"] or ())
    fields = tuple(field for field in schema.fields if field.name in kept)
    return None if kind != "Interactions" and len(fields) == len(REQUIRED[kind]) else Schema(kind, fields)


def _columns_of(kind: str, config: Mapping[str, list[str]]) -> list[str] | None:
    return next((names for name, names in config.items() if name.upper() == kind.upper()), None)
