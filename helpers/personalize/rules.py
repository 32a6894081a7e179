"""What may be created, changed and deleted: the rules between resources. A check returns what it adds to the new record."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from helpers import filters, recipes
from helpers.personalize import attribution
from helpers.personalize.data import KINDS
from helpers.personalize.errors import in_use, invalid, limit
from helpers.personalize.groups import Groups
from helpers.personalize.resources import ACTIVE, FAILED, PENDING, RUNNING, Resources
from helpers.personalize.solution_rules import SolutionRules, check_exploration
from helpers.recipes.base import PERSONALIZED_RANKING, RELATED_ITEMS, USER_SEGMENTATION
from helpers.schemas import Schema

LATEST = "$LATEST"
_AT_MOST = {  # developer guide, "Quotas": kind -> (how many, counted within the same ...)
    "Schema": (500, None),
    "Solution": (10, "datasetGroupArn"),
    "Filter": (10, "datasetGroupArn"),
}
_PENDING_AT_MOST = {
    "DatasetImportJob": 5,
    "DataDeletionJob": 5,
    "BatchInferenceJob": 5,
    "BatchSegmentJob": 5,
    "SolutionVersion": 20,
    "Recommender": 3,
}
_DOMAIN_FIELDS = {
    ("ECOMMERCE", "Interactions"): ["EVENT_TYPE"],
    ("ECOMMERCE", "Items"): ["PRICE", "CATEGORY_L1"],
    ("VIDEO_ON_DEMAND", "Interactions"): ["EVENT_TYPE"],
    ("VIDEO_ON_DEMAND", "Items"): ["CREATION_TIMESTAMP", "GENRES"],
}


class Rules:
    """Checks against what is there.

    Every check raises ServiceError or InputError and changes nothing.
    """

    def __init__(self, resources: Resources, groups: Groups):
        self._all, self._groups = resources, groups
        self._solutions = SolutionRules(resources, groups)

    def create(self, noun: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Check a Create request; return the members that it adds."""
        check = getattr(self, f"_create_{noun}", None)
        if check is None:
            raise invalid(f"Create{noun} is not served by the local service; see the README for what is")
        for key, kind in (("datasetGroupArn", "DatasetGroup"), ("datasetArn", "Dataset"), ("solutionArn", "Solution")):
            if key in given:
                self._all.get(given[key], kind)
        self._count(noun, given)
        return check(given)

    def _count(self, noun: str, given: Mapping[str, Any]) -> None:
        if noun in _AT_MOST:
            most, within = _AT_MOST[noun]
            if len(self._all.all(noun, **({within: given[within]} if within else {}))) >= most:
                raise limit(f"at most {most} resources of the kind {noun} are allowed{' in a dataset group' if within else ''}")
        if noun in _PENDING_AT_MOST:
            waiting = [r for r in self._all.all(noun) if r["status"] in (PENDING, RUNNING)]
            if len(waiting) >= _PENDING_AT_MOST[noun]:
                raise limit(f"More than {_PENDING_AT_MOST[noun]} resources with PENDING or IN_PROGRESS status.")

    def _create_Schema(self, given):
        schema = Schema.parse(given["schema"])
        needed = _DOMAIN_FIELDS.get((given.get("domain"), schema.dataset_type), [])
        missing = [name for name in needed if name not in schema]
        if missing:
            raise invalid(f"a {given['domain']} schema of {schema.dataset_type} needs the fields {', '.join(missing)}")
        return {}

    def _create_DatasetGroup(self, given):
        return {}

    def _create_Dataset(self, given):
        kind = given["datasetType"].upper()
        if kind not in KINDS:
            raise invalid(f"datasetType {given['datasetType']} is not served; use {', '.join(KINDS)}")
        self._check_schema(given["schemaArn"], KINDS[kind])
        return {"datasetType": kind}

    def _check_schema(self, arn: str, kind: str) -> Schema:
        schema = Schema.parse(self._all.get(arn, "Schema")["schema"])
        if schema.dataset_type != kind:
            raise invalid(f"the schema {arn} is of {schema.dataset_type}, but the dataset is of {kind}")
        return schema

    def _create_DatasetImportJob(self, given):
        dataset = self._all.get(given["datasetArn"])
        mode = given.get("importMode", "FULL")
        if mode == "INCREMENTAL" and not dataset.get("parts"):
            raise invalid("the first import of a dataset must be FULL")
        if not given["dataSource"].get("dataLocation", "").startswith("s3://"):
            raise invalid("Invalid Data location.")
        return {"importMode": mode}

    def _create_DataDeletionJob(self, given):
        if not given["dataSource"].get("dataLocation", "").startswith("s3://"):
            raise invalid("Invalid Data location.")
        return {}

    def _create_DatasetExportJob(self, given):
        return {"ingestionMode": given.get("ingestionMode", "PUT")}

    def _create_Solution(self, given):
        return self._solutions.create_solution(given)

    def _create_SolutionVersion(self, given):
        return self._solutions.create_version(given)

    def _create_Recommender(self, given):
        return self._solutions.create_recommender(given)

    def _create_Campaign(self, given):
        version = self.deployable(given["solutionVersionArn"])
        self.check_campaign_config(version, given.get("campaignConfig", {}))
        return {"solutionVersionArn": version["solutionVersionArn"], "minProvisionedTPS": given.get("minProvisionedTPS", 1)}

    def deployable(self, arn: str) -> dict[str, Any]:
        """Return the ACTIVE solution version behind an ARN; ``SOLUTION/$LATEST`` is the newest one."""
        if arn.endswith("/" + LATEST):
            solution = arn.removesuffix("/" + LATEST)
            self._all.get(solution, "Solution")
            versions = [v for v in self._all.all("SolutionVersion", solutionArn=solution) if v["status"] == ACTIVE]
            if not versions:
                raise invalid(f"the solution {solution} has no ACTIVE version yet")
            version = versions[-1]
        else:
            version = self._all.get(arn, "SolutionVersion")
        if version["status"] != ACTIVE:
            raise invalid(f"{version['solutionVersionArn']} is {version['status']}; only an ACTIVE version can be used")
        if _type(version) == USER_SEGMENTATION:
            raise invalid("a version of a USER_SEGMENTATION recipe cannot be deployed; create a batch segment job")
        return version

    def check_campaign_config(self, version: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Check the configuration of a campaign against the recipe of its version."""
        check_exploration(version["recipeArn"].rsplit("/", 1)[1], config.get("itemExplorationConfig", {}))

    def _create_EventTracker(self, given):
        if self._all.all("EventTracker", datasetGroupArn=given["datasetGroupArn"]):
            raise limit("a dataset group has one event tracker at most")
        return {"trackingId": str(uuid.uuid4()), "accountId": given["datasetGroupArn"].split(":")[4]}

    def _create_MetricAttribution(self, given):
        group = given["datasetGroupArn"]
        if self._all.all("MetricAttribution", datasetGroupArn=group):
            raise limit("a dataset group has one metric attribution at most")
        schemas = self._groups.schemas(group)
        if "Interactions" not in schemas or "EVENT_TYPE" not in schemas["Interactions"]:
            raise invalid("a metric attribution needs an Interactions dataset with EVENT_TYPE")
        attribution.check(given["metrics"], schemas)
        newest = self._all.store.events(group)[-1:]
        return {"reportedAt": time.time(), "reportedUntil": newest[0][0] if newest else 0}

    def _create_Filter(self, given):
        found = filters.parse(given["filterExpression"])
        found.check(self._groups.schemas(given["datasetGroupArn"]))
        return {}

    def _create_BatchInferenceJob(self, given):
        version = self._batch_version(given)
        if _type(version) == USER_SEGMENTATION:
            raise invalid("a USER_SEGMENTATION version needs a batch segment job")
        if given.get("batchInferenceJobMode", "BATCH_INFERENCE") != "BATCH_INFERENCE" or given.get("themeGenerationConfig"):
            raise invalid("THEME_GENERATION is not served")
        if _type(version) not in (RELATED_ITEMS, PERSONALIZED_RANKING):
            self.check_campaign_config(version, given.get("batchInferenceJobConfig", {}))
        return {"numResults": given.get("numResults", 25), "batchInferenceJobMode": "BATCH_INFERENCE"} | _of_group(version)

    def _create_BatchSegmentJob(self, given):
        version = self._batch_version(given)
        if _type(version) != USER_SEGMENTATION:
            raise invalid("a batch segment job needs a version of a USER_SEGMENTATION recipe")
        return {"numResults": given.get("numResults", 25)} | _of_group(version)

    def _batch_version(self, given: Mapping[str, Any]) -> dict[str, Any]:
        version = self._all.get(given["solutionVersionArn"], "SolutionVersion")
        if version["status"] != ACTIVE:
            raise invalid(f"{version['solutionVersionArn']} is {version['status']}; only an ACTIVE version can be used")
        source, target = given["jobInput"]["s3DataSource"]["path"], given["jobOutput"]["s3DataDestination"]["path"]
        if not source.startswith("s3://"):
            raise invalid("Invalid S3 input path")
        if not target.startswith("s3://") or not target.endswith("/") or target == source:
            raise invalid("Invalid S3 output path: name a folder (it ends with /) other than the input")
        if given.get("filterArn"):
            self._all.get(given["filterArn"], "Filter")
        return version

    def update(self, noun: str, arn: str, given: Mapping[str, Any]) -> None:
        """Check an Update request."""
        record = self._all.get(arn, noun)
        if noun == "Campaign":
            if record["status"] not in (ACTIVE, FAILED) or self.updating(record):
                raise in_use(f"{arn} is being created or updated; wait until it is ACTIVE")
            version = self.deployable(given.get("solutionVersionArn", record["solutionVersionArn"]))
            if version["datasetGroupArn"] != self._all.get(record["solutionVersionArn"])["datasetGroupArn"]:
                raise invalid("the solution version belongs to another dataset group")
            self.check_campaign_config(version, given.get("campaignConfig", {}))
        elif noun == "Dataset":
            schema = self._check_schema(given["schemaArn"], KINDS[record["datasetType"]])
            old = Schema.parse(self._all.get(record["schemaArn"])["schema"])
            strict = [f.name for f in schema.fields if f.name not in old and not f.nullable]
            if strict and record.get("parts"):
                raise invalid(f"new fields must allow null: {', '.join(strict)}")
        elif noun == "Solution":
            self._solutions.update_solution(record, given)
        elif noun == "Recommender":
            if record["status"] != ACTIVE:
                raise in_use(f"{arn} is {record['status']}; only an ACTIVE recommender can be updated")
            self._solutions.check_recommender_config(record, given["recommenderConfig"])
        elif noun == "MetricAttribution":
            attribution.check(metrics_after(record, given), self._groups.schemas(record["datasetGroupArn"]))
        else:
            raise invalid(f"Update{noun} is not served by the local service")

    def updating(self, campaign: Mapping[str, Any]) -> bool:
        """Return whether an update of a campaign is under way."""
        return campaign.get("latestCampaignUpdate", {}).get("status") in (PENDING, RUNNING)

    def delete(self, noun: str, arn: str) -> None:
        """Check a Delete request: nothing that lives may need the resource."""
        record = self._all.get(arn, noun)
        busy = lambda kind, **members: [r for r in self._all.all(kind, **members) if r["status"] in (PENDING, RUNNING)]  # noqa: E731
        if noun == "Schema" and self._all.all("Dataset", schemaArn=arn):
            raise in_use(f"{arn} is used by a dataset; delete that first")
        if noun == "Dataset" and (
            busy("DatasetImportJob", datasetArn=arn)
            or any(busy(kind, **_of_group(record)) for kind in ("SolutionVersion", "Recommender"))
        ):
            raise in_use(f"{arn}: an import job or a training is in progress")
        if noun == "DatasetGroup":
            for kind in ("Dataset", "Solution", "Recommender", "EventTracker"):
                if self._all.all(kind, datasetGroupArn=arn):
                    raise in_use(f"{arn} still has a resource of the kind {kind}; delete that first")
        if noun == "Solution":
            if any(c["solutionVersionArn"].startswith(arn + "/") for c in self._all.all("Campaign")):
                raise in_use(f"{arn} is used by a campaign; delete that first")
            if busy("SolutionVersion", solutionArn=arn):
                raise in_use(f"{arn} has a version in progress")
        if noun == "Recommender" and record["status"] in (PENDING, RUNNING):
            raise in_use(f"{arn} is being created; wait until it is ACTIVE")
        if noun == "Filter" and any(busy(kind, filterArn=arn) for kind in ("BatchInferenceJob", "BatchSegmentJob")):
            raise in_use(f"{arn} is used by a batch job")


def metrics_after(attribution_record: Mapping[str, Any], given: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the metrics of an attribution after an update that removes and adds some.

    Raises:
        ServiceError: a metric to remove is not there.
    """
    old, gone = attribution_record["metrics"], set(given.get("removeMetrics", ()))
    if unknown := sorted(gone - {metric["metricName"] for metric in old}):
        raise invalid(f"there is no metric {unknown[0]}")
    return [metric for metric in old if metric["metricName"] not in gone] + given.get("addMetrics", [])


def _type(version: Mapping[str, Any]) -> str:
    return recipes.get(version["recipeArn"]).type


def _of_group(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"datasetGroupArn": record["datasetGroupArn"]}
