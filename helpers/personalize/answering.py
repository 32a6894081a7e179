"""Who answers a request: the deployment of a campaign or recommender, in memory, with the filters of its dataset group."""

from collections.abc import Mapping
from threading import RLock
from typing import Any

from helpers import filters
from helpers.filters import Filter
from helpers.personalize.answered import Answered
from helpers.personalize.deployment import Deployment
from helpers.personalize.domains import use_case_of
from helpers.personalize.errors import invalid
from helpers.personalize.groups import Groups
from helpers.personalize.resources import ACTIVE, Resources
from helpers.personalize.runtime import Answerer
from helpers.personalize.trainings import Trainings


class Answering:
    """Deployments and parsed filters by ARN.

    Args:
        resources: what there is.
        groups: the data.
        trainings: where the trained models are.

    Attributes:
        answered: the lists that were answered lately.
    """

    def __init__(self, resources: Resources, groups: Groups, trainings: Trainings):
        self._all, self._groups, self._trainings = resources, groups, trainings
        self.answered = Answered()
        self._deployments: dict[str, Deployment] = {}
        self._filters: dict[str, Filter] = {}
        self._loading = RLock()

    def recommendations(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetRecommendations of a campaign or a recommender."""
        arns = [given[name] for name in ("campaignArn", "recommenderArn") if given.get(name)]
        if len(arns) != 1:
            raise invalid(
                "campaignArn or recommenderArn is required" if not arns else "give campaignArn or recommenderArn, not both"
            )
        answer = self._live(arns[0], "Campaign" if given.get("campaignArn") else "Recommender").recommendations(given)
        self.answered.add(answer["recommendationId"], arns[0], _ids(answer["itemList"]))
        return answer

    def ranking(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Answer GetPersonalizedRanking of a campaign."""
        answer = self._live(given["campaignArn"], "Campaign").ranking(given)
        self.answered.add(
            answer["recommendationId"], given["campaignArn"], [row["itemId"] for row in answer["personalizedRanking"]]
        )
        return answer

    def of_batch(self, job: Mapping[str, Any]) -> tuple[Answerer, Deployment]:
        """Return what answers the lines of a batch job, from the training alone."""
        deployment = self.deploy(self._all.get(job["solutionVersionArn"], "SolutionVersion"))
        return self._answerer(deployment, job.get("batchInferenceJobConfig", {}), live=False), deployment

    def deploy(self, trained: Mapping[str, Any]) -> Deployment:
        """Load a solution version or recommender that has been trained; of users deleted since it knows nothing."""
        gone = self._all.store.deleted_users(trained["datasetGroupArn"], trained["creationDateTime"])
        return Deployment(self._trainings.folder(trained), trained, gone)

    def put(self, arn: str, deployment: Deployment) -> None:
        """Let a deployment answer for a campaign or recommender from now on."""
        self._deployments[arn] = deployment

    def forget(self, arn: str) -> None:
        """Let go of a deployment or a filter that is no more."""
        self._deployments.pop(arn, None)
        self._filters.pop(arn, None)

    def forget_users(self, group: str) -> None:
        """Load the deployments of a dataset group anew when they are next asked: users were deleted."""
        with self._loading:
            for arn, deployment in list(self._deployments.items()):
                if deployment.version["datasetGroupArn"] == group:
                    del self._deployments[arn]

    def find_filter(self, arn: str, group: str) -> Filter:
        """Return a parsed filter of a dataset group.

        Raises:
            ServiceError: there is none, or it belongs to another group.
        """
        record = self._all.get(arn, "Filter")
        if record["datasetGroupArn"] != group:
            raise invalid(f"the filter {arn} belongs to another dataset group")
        if arn not in self._filters:
            self._filters[arn] = filters.parse(record["filterExpression"])
        return self._filters[arn]

    def _live(self, arn: str, noun: str) -> Answerer:
        """Return what answers a request: always one whole version, the old or the new."""
        with self._all.store.transaction():  # an update changes the record and the deployment together
            record, deployment = self._all.get(arn, noun), self._deployments.get(arn)
        if record["status"] != ACTIVE:
            raise invalid(f"the {noun.lower()} {arn} is {record['status']}; it answers once it is ACTIVE")
        if deployment is None:
            deployment = self._load(arn, record)
        return self._answerer(deployment, record.get("campaignConfig") or record.get("recommenderConfig") or {}, live=True)

    def _load(self, arn: str, record: Mapping[str, Any]) -> Deployment:
        with self._loading:
            if arn not in self._deployments:
                trained = record if "recommenderArn" in record else self._all.get(record["solutionVersionArn"])
                self._deployments[arn] = self.deploy(trained)
            return self._deployments[arn]

    def _answerer(self, deployment: Deployment, config: Mapping[str, Any], *, live: bool) -> Answerer:
        group, case = deployment.version["datasetGroupArn"], use_case_of(deployment.version)
        options = {"live": live, "leaves_out": case.leaves_out if case else None}
        return Answerer(deployment, self._groups.get(group), config, lambda arn: self.find_filter(arn, group), **options)


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["itemId"] for row in rows]
