"""The reports of metric attributions: CSV files in the S3 folder that the attribution names.

AWS sends what comes of PutEvents to CloudWatch and what comes of imports to S3. There is no CloudWatch here: both go to S3.
"""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from helpers.personalize import attribution
from helpers.personalize.groups import Groups
from helpers.personalize.resources import ACTIVE, Resources
from helpers.personalize.storage import FolderStorage


class Reports:
    """Writes reports.

    Args:
        resources: holds the attributions and the streamed events.
        groups: the data.
        storage: where ``s3://`` leads.
    """

    def __init__(self, resources: Resources, groups: Groups, storage: FolderStorage):
        self._all, self._groups, self._storage = resources, groups, storage

    def publish_streamed(self, now: float) -> None:
        """Report the events that were streamed since the last report, where that is 15 minutes ago."""
        for record in self._all.all("MetricAttribution", status=ACTIVE):
            if now - record["reportedAt"] < attribution.WINDOW:
                continue
            new = self._all.store.events(record["datasetGroupArn"], record["reportedUntil"])
            if new:
                self._publish(record, attribution.streamed(event for _, event in new), "PUT", now)
            until = new[-1][0] if new else record["reportedUntil"]
            self._all.change(record["metricAttributionArn"], reportedAt=now, reportedUntil=until)

    def publish_import(self, group: str, interactions: pd.DataFrame, now: float) -> None:
        """Report imported interactions, if the dataset group has a metric attribution."""
        for record in self._all.all("MetricAttribution", datasetGroupArn=group, status=ACTIVE):
            self._publish(record, attribution.imported(interactions), "BULK", now)

    def _publish(self, record: Mapping[str, Any], events: pd.DataFrame, method: str, now: float) -> None:
        target = record["metricsOutputConfig"].get("s3DataDestination", {}).get("path")
        if not target:
            return
        report = attribution.aggregate(events, record["metrics"], self._groups.get(record["datasetGroupArn"]).items_now())
        name = f"AggregatedAttributionMetrics - {method} - {datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H-%M-%SZ}.csv"
        with tempfile.TemporaryDirectory() as aside:
            path = Path(aside) / "report.csv"
            report.to_csv(path, index=False)
            self._storage.save(path, f"{target.rstrip('/')}/{name}")
