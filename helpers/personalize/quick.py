"""Short ways through the long road, for lessons and experiments: a data set into the service, a campaign, a clean-up.

Everything here is made of calls that a program for AWS would make too, but for :func:`upload`, which writes into the folder
that plays S3.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from helpers.datasets.csv_files import write_csv
from helpers.datasets.dataset import Dataset
from helpers.interactions import EVENT_TYPE, ITEM_ID, TIMESTAMP, USER_ID
from helpers.personalize.waiting import wait
from helpers.schemas import Field, Schema

ROLE = "arn:aws:iam::123456789012:role/PersonalizeRole"
"""A role as AWS wants one; here it is accepted and recorded."""


def upload(home: str | Path, dataset: Dataset, bucket: str = "shop") -> dict[str, str]:
    """Write a data set as CSV files into a bucket of the home; return dataset type -> ``s3://`` location."""
    folder = Path(home) / "s3" / bucket
    folder.mkdir(parents=True, exist_ok=True)
    tables = {"Interactions": dataset.interactions.frame()}
    tables |= {
        kind: table.reset_index() for kind, table in (("Items", dataset.items), ("Users", dataset.users)) if table is not None
    }
    for kind, table in tables.items():
        write_csv(table[dataset.schemas[kind].names], folder / f"{kind.lower()}.csv")
    return {kind: f"s3://{bucket}/{kind.lower()}.csv" for kind in tables}


def as_store(dataset: Dataset) -> Dataset:
    """Return a data set with the columns that the domain ECOMMERCE asks for: events ``View`` and ``Purchase`` (where no type is
    known, all are purchases), items with ``PRICE`` (1 where none is known) and ``CATEGORY_L1`` (``all`` where none is known)."""
    types = dataset.interactions.columns.get(EVENT_TYPE)
    events = dataset.interactions.frame()[[USER_ID, ITEM_ID, TIMESTAMP]]
    events[EVENT_TYPE] = "Purchase" if types is None else np.where(types == "view", "View", "Purchase")
    ids = dataset.interactions.item_ids.ids
    known = dataset.items if dataset.items is not None else pd.DataFrame(index=ids)
    items = pd.DataFrame({ITEM_ID: ids, "PRICE": 1.0, "CATEGORY_L1": "all"})
    if "PRICE" in known:
        items["PRICE"] = pd.to_numeric(known["PRICE"], errors="coerce").fillna(1.0).to_numpy(float)
    if "CATEGORY" in known:
        items["CATEGORY_L1"] = known["CATEGORY"].fillna("all").astype(str).to_numpy()
    text = lambda *names: tuple(Field(name, "string") for name in names)  # noqa: E731
    schemas = {
        "Interactions": Schema("Interactions", (*text(USER_ID, ITEM_ID, EVENT_TYPE), Field(TIMESTAMP, "long"))),
        "Items": Schema("Items", (*text(ITEM_ID), Field("PRICE", "float"), Field("CATEGORY_L1", "string", categorical=True))),
    }
    return Dataset.from_frames(f"{dataset.name}-store", events, items, schemas=schemas)


def import_dataset(
    control: Any, dataset: Dataset, locations: dict[str, str], name: str = "shop", domain: str | None = None
) -> str:
    """Create a dataset group with its schemas and datasets, import the files, and return the group's ARN.

    Args:
        control: a boto3 ``personalize`` client.
        dataset: gives the schemas.
        locations: dataset type -> location, as :func:`upload` returns it.
        name: of the group, and the start of all other names.
        domain: ``ECOMMERCE`` or ``VIDEO_ON_DEMAND`` for a group with ready-made recommenders; None = a custom one.

    Raises:
        InputError: an import failed; the message is the service's reason.
    """
    kind_of_group = {"domain": domain} if domain else {}
    group = control.create_dataset_group(name=name, **kind_of_group)["datasetGroupArn"]
    for kind, location in locations.items():
        made = f"{name}-{kind.lower()}"
        schema = control.create_schema(name=made, schema=dataset.schemas[kind].to_json(), **kind_of_group)["schemaArn"]
        table = control.create_dataset(name=made, schemaArn=schema, datasetGroupArn=group, datasetType=kind)["datasetArn"]
        source = {"dataLocation": location}
        job = control.create_dataset_import_job(jobName=made, datasetArn=table, dataSource=source, roleArn=ROLE)
        wait(job["datasetImportJobArn"], control, show=False)
    return group


def train(control: Any, group: str, recipe: str, **solution: Any) -> str:
    """Create a solution of a recipe, named like it, train a version, wait, and return the version's ARN.

    Raises:
        InputError: the training failed; the message is the service's reason.
    """
    arn = f"arn:aws:personalize:::recipe/{recipe}"
    made = control.create_solution(name=recipe, datasetGroupArn=group, recipeArn=arn, **solution)["solutionArn"]
    version = control.create_solution_version(solutionArn=made)["solutionVersionArn"]
    wait(version, control, show=False)
    return version


def deploy(control: Any, version: str, name: str, **campaign: Any) -> str:
    """Create a campaign of a solution version, wait, and return its ARN.

    Raises:
        InputError: the campaign cannot be created; the message is the service's reason.
    """
    made = control.create_campaign(name=name, solutionVersionArn=version, **campaign)["campaignArn"]
    wait(made, control, show=False)
    return made


def clean_up(control: Any, group: str) -> None:
    """Delete a dataset group with all that belongs to it, in the order that the service demands."""
    solutions = [row["solutionArn"] for row in control.list_solutions(datasetGroupArn=group)["solutions"]]
    for solution in solutions:
        for row in control.list_campaigns(solutionArn=solution)["campaigns"]:
            control.delete_campaign(campaignArn=row["campaignArn"])
    for row in control.list_recommenders(datasetGroupArn=group)["recommenders"]:
        control.delete_recommender(recommenderArn=row["recommenderArn"])
    for row in control.list_metric_attributions(datasetGroupArn=group)["metricAttributions"]:
        control.delete_metric_attribution(metricAttributionArn=row["metricAttributionArn"])
    for row in control.list_event_trackers(datasetGroupArn=group)["eventTrackers"]:
        control.delete_event_tracker(eventTrackerArn=row["eventTrackerArn"])
    for row in control.list_filters(datasetGroupArn=group)["Filters"]:
        control.delete_filter(filterArn=row["filterArn"])
    for solution in solutions:
        control.delete_solution(solutionArn=solution)
    for row in control.list_datasets(datasetGroupArn=group)["datasets"]:
        schema = control.describe_dataset(datasetArn=row["datasetArn"])["dataset"]["schemaArn"]
        control.delete_dataset(datasetArn=row["datasetArn"])
        control.delete_schema(schemaArn=schema)
    control.delete_dataset_group(datasetGroupArn=group)
