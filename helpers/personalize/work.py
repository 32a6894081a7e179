"""What runs in the background: imports, trainings, deployments, batch jobs. Each can be repeated from the start after a kill."""

import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any

from helpers.personalize import batch, data, deletion, imports
from helpers.personalize.jobs import Jobs, Stopped
from helpers.personalize.kinds import kinds
from helpers.personalize.reports import Reports
from helpers.personalize.resources import ACTIVE, FAILED, PENDING, RUNNING
from helpers.personalize.trainings import Trainings
from helpers.schemas import Schema

BACKGROUND = (
    "DatasetImportJob",
    "DatasetExportJob",
    "DataDeletionJob",
    "SolutionVersion",
    "Recommender",
    "Campaign",
    "BatchInferenceJob",
    "BatchSegmentJob",
)
"""Kinds of resources that take time."""


class Work:
    """The jobs of one service.

    Args:
        service: gives resources, groups, storage, answering and the home.
        trainings: run what is trained.
        reports: tell what came of the events.
    """

    def __init__(self, service, jobs: Jobs, trainings: Trainings, reports: Reports):
        self._service, self._jobs, self._trainings, self._reports = service, jobs, trainings, reports
        self._all, self._groups = service.resources, service.groups
        self._data = service.home / "data"
        self._data.mkdir(exist_ok=True)

    def start(self, noun: str, arn: str) -> None:
        """Queue the job that makes a resource ACTIVE."""
        work = getattr(self, f"_make_{noun}")

        def run(stop: Event) -> None:
            with self._all.store.transaction():
                waiting = self._all.get(arn)["status"] in (PENDING, RUNNING)  # else it was stopped in the meantime
                record = self._all.change(arn, status=RUNNING, failureReason=None) if waiting else None
            if record:
                work(arn, record, stop)

        self._jobs.submit(arn, run, lambda reason: self._all.change(arn, status=FAILED, failureReason=reason))

    def start_update(self, arn: str) -> None:
        """Queue the update of a campaign that its record describes."""
        self._jobs.submit(arn, lambda stop: self._update_campaign(arn), lambda reason: self._fail_update(arn, reason))

    def resume(self) -> None:
        """Take up what was not finished when the service last ended, and remove what belongs to nothing."""
        parts = {name for dataset in self._all.all("Dataset") for name in dataset.get("parts", ())}
        for path in self._data.iterdir():
            if path.name not in parts:
                path.unlink()
        self._trainings.forget_others()
        for noun in BACKGROUND:
            for record in self._all.all(noun):
                arn = record[kinds()[noun].arn_member]
                if record["status"] in (PENDING, RUNNING):
                    self.start(noun, arn)
                elif record.get("latestCampaignUpdate", {}).get("status") in (PENDING, RUNNING):
                    self.start_update(arn)
                elif record["status"] == "CREATE STOPPING":
                    self._all.change(arn, status="CREATE STOPPED")

    def forget_parts(self, names: list[str]) -> None:
        """Remove files of imports that no dataset names any more."""
        for name in names:
            (self._data / name).unlink(missing_ok=True)

    def _make_DatasetImportJob(self, arn: str, job: dict[str, Any], stop: Event) -> None:
        dataset = self._all.get(job["datasetArn"])
        schema = Schema.parse(self._all.get(dataset["schemaArn"])["schema"])
        name = f"{uuid.uuid4().hex}.parquet"
        with self._service.storage.fetch(job["dataSource"]["dataLocation"]) as files:
            counts = imports.import_files(files, schema, self._data / name)
        with self._groups.lock, self._all.store.transaction():
            old = self._all.get(job["datasetArn"]).get("parts", [])
            parts = [*old, name] if job["importMode"] == "INCREMENTAL" else [name]
            self._all.change(job["datasetArn"], parts=parts)
            self._all.change(arn, status=ACTIVE, counts=counts)
            self._groups.forget(dataset["datasetGroupArn"])
        self.forget_parts([part for part in old if part not in parts])
        if job.get("publishAttributionMetricsToS3") and schema.dataset_type == "Interactions":
            self._reports.publish_import(dataset["datasetGroupArn"], imports.read_parts([self._data / name]), time.time())

    def _make_DataDeletionJob(self, arn: str, job: dict[str, Any], stop: Event) -> None:
        with self._service.storage.fetch(job["dataSource"]["dataLocation"], deep=True) as files:
            users = deletion.read_users(files)
        group = job["datasetGroupArn"]
        datasets = [d for d in self._all.all("Dataset", datasetGroupArn=group) if d["datasetType"] in ("INTERACTIONS", "USERS")]
        with self._groups.lock:  # nothing is imported or streamed meanwhile
            gone, old = 0, []
            parts = {d["datasetArn"]: self._all.get(d["datasetArn"]).get("parts", []) for d in datasets}
            for dataset, names in parts.items():
                for place, name in enumerate(names):
                    new = f"{uuid.uuid4().hex}.parquet"
                    if rows := deletion.without_users(self._data / name, users, self._data / new):
                        gone, parts[dataset] = gone + rows, [*parts[dataset][:place], new, *parts[dataset][place + 1 :]]
                        old.append(name)
            with self._all.store.transaction():
                gone += self._all.store.delete_users(group, parts, users, time.time())
                for dataset, names in parts.items():
                    self._all.change(dataset, parts=names)
                self._all.change(arn, status=ACTIVE, numDeleted=gone)
            self._groups.forget(group)
            self._service.answering.forget_users(group)
        self.forget_parts(old)

    def _make_DatasetExportJob(self, arn: str, job: dict[str, Any], stop: Event) -> None:
        dataset = self._all.get(job["datasetArn"])
        kind, group = data.KINDS[dataset["datasetType"]], dataset["datasetGroupArn"]
        schema, tables = self._groups.schemas(group)[kind], []
        if job["ingestionMode"] in ("BULK", "ALL") and dataset.get("parts"):
            tables.append(imports.read_parts([self._data / name for name in dataset["parts"]]))
        if job["ingestionMode"] in ("PUT", "ALL"):
            tables.append(self._trainings.put(group, dataset["datasetArn"], schema))
        target = job["jobOutput"]["s3DataDestination"]["path"].rstrip("/")
        with tempfile.TemporaryDirectory(dir=self._service.home) as aside:
            path = Path(aside) / "export.csv"
            data.join(schema, tables).to_csv(path, index=False)
            self._service.storage.save(path, f"{target}/{job['jobName']}.csv")
        self._all.change(arn, status=ACTIVE)

    def _make_SolutionVersion(self, arn: str, version: dict[str, Any], stop: Event) -> None:
        trained = self._trainings.run(version, self._trainings.specification(version), stop)
        best = trained.pop("bestRecipeArn", None)
        with self._all.store.transaction():
            if self._all.get(arn)["status"] == RUNNING:
                self._all.change(arn, status=ACTIVE, **trained, **({"recipeArn": best} if best else {}))
                if best:
                    self._all.change(version["solutionArn"], autoMLResult={"bestRecipeArn": best})
        self._follow(version["solutionArn"], arn)

    def _make_Recommender(self, arn: str, recommender: dict[str, Any], stop: Event) -> None:
        trained = self._trainings.run(recommender, self._trainings.specification(recommender), stop)
        with self._all.store.transaction():
            record = self._all.change(arn, status=ACTIVE, modelMetrics=trained["metrics"], watermark=trained["watermark"])
        self._service.answering.put(arn, self._service.answering.deploy(record))

    def _follow(self, solution: str, version: str) -> None:
        """Update the campaigns that always serve the newest version of their solution."""
        for campaign in self._all.all("Campaign", status=ACTIVE):
            follows = campaign.get("campaignConfig", {}).get("syncWithLatestSolutionVersion")
            if follows and campaign["solutionVersionArn"].rsplit("/", 1)[0] == solution:
                self.plan_update(campaign["campaignArn"], {"solutionVersionArn": version})

    def plan_update(self, arn: str, given: Mapping[str, Any]) -> None:
        """Write down the update of a campaign and queue it; until it is done the campaign serves what it served."""
        now = time.time()
        campaign = self._all.get(arn)
        members = ("solutionVersionArn", "minProvisionedTPS", "campaignConfig")
        wanted = {name: given.get(name, campaign.get(name)) for name in members}
        plan = {name: value for name, value in wanted.items() if value is not None}
        dates = {"status": PENDING, "creationDateTime": now, "lastUpdatedDateTime": now}
        self._all.change(arn, latestCampaignUpdate=plan | dates)
        self.start_update(arn)

    def _make_Campaign(self, arn: str, campaign: dict[str, Any], stop: Event) -> None:
        version = self._all.get(campaign["solutionVersionArn"])
        self._service.answering.put(arn, self._service.answering.deploy(version))
        self._all.change(arn, status=ACTIVE)

    def _update_campaign(self, arn: str) -> None:
        plan = self._all.get(arn)["latestCampaignUpdate"] | {"status": RUNNING}
        self._all.change(arn, latestCampaignUpdate=plan)
        version = self._all.get(plan["solutionVersionArn"])
        deployment = self._service.answering.deploy(version)
        done = plan | {"status": ACTIVE, "lastUpdatedDateTime": time.time()}
        served = {name: plan[name] for name in ("solutionVersionArn", "minProvisionedTPS", "campaignConfig") if name in plan}
        with self._all.store.transaction():
            self._all.get(arn)
            self._all.change(arn, latestCampaignUpdate=done, status=ACTIVE, failureReason=None, **served)
            self._service.answering.put(arn, deployment)

    def _fail_update(self, arn: str, reason: str) -> None:
        plan = self._all.get(arn)["latestCampaignUpdate"]
        self._all.change(arn, latestCampaignUpdate=plan | {"status": FAILED, "failureReason": reason})

    def _make_BatchInferenceJob(self, arn: str, job: dict[str, Any], stop: Event) -> None:
        answerer, deployment = self._service.answering.of_batch(job)
        self._run_batch(arn, job, batch.recommending(answerer, deployment, job), stop)

    def _make_BatchSegmentJob(self, arn: str, job: dict[str, Any], stop: Event) -> None:
        _, deployment = self._service.answering.of_batch(job)
        group = self._groups.get(job["datasetGroupArn"])
        found = self._service.answering.find_filter(job["filterArn"], job["datasetGroupArn"]) if job.get("filterArn") else None
        self._run_batch(arn, job, batch.segmenting(deployment, group, job, found), stop)

    def _run_batch(self, arn: str, job: dict[str, Any], answer: batch.AnswerLines, stop: Event) -> None:
        def going() -> None:
            if stop.is_set():
                raise Stopped

        target = job["jobOutput"]["s3DataDestination"]["path"]
        with self._service.storage.fetch(job["jobInput"]["s3DataSource"]["path"]) as files:
            with tempfile.TemporaryDirectory(dir=self._service.home) as aside:
                for file in files:
                    out = Path(aside) / f"{file.name}.out"
                    batch.run(file, out, answer, going)
                    self._service.storage.save(out, target + out.name)
        self._all.change(arn, status=ACTIVE)
