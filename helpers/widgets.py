"""The test console of a campaign, as the service's own: choose, ask, look. It talks boto3, so it works here and on AWS.

All logic is in plain functions; the widgets only call them. :func:`campaign_table` is the static twin for readers of a page.
"""

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
import ipywidgets
import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from helpers.errors import InputError

CONTEXT_ROWS = 2


def placeholders(expression: str) -> list[str]:
    """Return the names of the ``$NAME`` in a filter expression, in order, each once; those in quotes do not count."""
    bare = re.sub(r"\"(\\.|[^\"\\])*\"|'(\\.|[^'\\])*'", "", expression)
    return list(dict.fromkeys(re.findall(r"\$(\w+)", bare)))


def quoted(text: str) -> str:
    """Return what a person typed (``tea, cup``) as the service wants filter values (``"tea","cup"``)."""
    parts = [part.strip().strip('"') for part in text.split(",") if part.strip()]
    return ",".join(f'"{part}"' for part in parts)


def request(
    campaign: str,
    user: str = "",
    item: str = "",
    *,
    filter_arn: str | None = None,
    values: Mapping[str, str] | None = None,
    context: Mapping[str, str] | None = None,
    k: int = 25,
) -> dict[str, Any]:
    """Return the parameters of GetRecommendations; whatever is empty is left out."""
    typed = {name: quoted(text) for name, text in (values or {}).items() if text.strip()}
    given = {
        "campaignArn": campaign,
        "userId": user.strip(),
        "itemId": item.strip(),
        "filterArn": filter_arn,
        "filterValues": typed,
        "context": {key.strip(): value for key, value in (context or {}).items() if key.strip()},
    }
    return {name: value for name, value in given.items() if value} | {"numResults": k}


def campaign_table(
    session: boto3.Session, parameters: Mapping[str, Any], titles: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Ask a campaign and return a row an item: rank, item, title and, where the recipe has one, score.

    Raises:
        InputError: the service refuses; the message is its own.
    """
    try:
        answer = session.client("personalize-runtime").get_recommendations(**parameters)
    except (ClientError, BotoCoreError) as fault:
        raise InputError(_reason(fault)) from fault
    rows = [
        {"item": row["itemId"], "title": (titles or {}).get(row["itemId"], "")}
        | ({"score": row["score"]} if "score" in row else {})
        for row in answer["itemList"]
    ]
    frame = pd.DataFrame(rows, columns=None if rows else ["item", "title"])
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="rank"))


def campaign_html(frame: pd.DataFrame) -> str:
    """Return the table as HTML; every text is escaped."""
    if frame.empty:
        return "<p>No item passes: the list is empty.</p>"
    table = frame.reset_index()
    return table.to_html(
        index=False, escape=True, border=0, justify="left", float_format=lambda value: f"{value:.7f}", classes="tc-table"
    )


class TestCampaign(ipywidgets.VBox):
    """The console: campaign, user or item id, filter with its values, context rows, and the answer.

    Args:
        session: a boto3 Session, of this service or of AWS.
        titles: what people call each item, by item id.
    """

    __test__ = False  # pytest: this is no test

    def __init__(self, session: boto3.Session, titles: Mapping[str, str] | None = None):
        self._session, self._titles = session, titles
        control = session.client("personalize")
        campaigns = [(c["name"], c["campaignArn"]) for c in control.list_campaigns()["campaigns"] if c["status"] == "ACTIVE"]
        filters = [(f["name"], f["filterArn"]) for f in control.list_filters()["Filters"]]
        self._expressions = {arn: control.describe_filter(filterArn=arn)["filter"]["filterExpression"] for _, arn in filters}
        wide = {"style": {"description_width": "90px"}}
        self.campaign = ipywidgets.Dropdown(options=campaigns, description="Campaign", **wide)
        self.user = ipywidgets.Text(description="User ID", **wide)
        self.item = ipywidgets.Text(description="Item ID", **wide)
        self.filter = ipywidgets.Dropdown(options=[("no filter", None), *filters], description="Filter", **wide)
        self.values = ipywidgets.VBox()
        self.context = [
            (ipywidgets.Text(placeholder="context key"), ipywidgets.Text(placeholder="value")) for _ in range(CONTEXT_ROWS)
        ]
        self.button = ipywidgets.Button(description="Get recommendations", button_style="primary", layout={"width": "auto"})
        self.result = ipywidgets.HTML()
        self.button.add_class("tc-go")
        self.result.add_class("tc-result")
        self.filter.observe(self._show_values, "value")
        self.button.on_click(lambda _: self.ask())
        rows = [ipywidgets.HBox(pair) for pair in self.context]
        super().__init__([self.campaign, self.user, self.item, self.filter, self.values, *rows, self.button, self.result])

    def ask(self) -> None:
        """Ask what the fields say and show the answer, or the service's reason."""
        try:
            if self.campaign.value is None:
                raise InputError("there is no ACTIVE campaign; create one first")
            frame = campaign_table(self._session, self.parameters(), self._titles)
            self.result.value = campaign_html(frame)
        except InputError as fault:
            self.result.value = f'<p class="tc-fault">{html.escape(str(fault))}</p>'

    def parameters(self) -> dict[str, Any]:
        """Return the request that the fields describe."""
        values = {box.description.removeprefix("$"): box.value for box in self.values.children}
        context = {key.value: value.value for key, value in self.context}
        more = {"filter_arn": self.filter.value, "values": values, "context": context}
        return request(self.campaign.value, self.user.value, self.item.value, **more)

    def _show_values(self, _: object) -> None:
        names: Sequence[str] = placeholders(self._expressions[self.filter.value]) if self.filter.value else ()
        self.values.children = tuple(ipywidgets.Text(description=f"${name}", placeholder="tea, cup") for name in names)


def test_campaign(session: boto3.Session, titles: Mapping[str, str] | None = None) -> TestCampaign:
    """Return the test console of the campaigns of a session."""
    return TestCampaign(session, titles)


test_campaign.__test__ = False


def _reason(fault: Exception) -> str:
    return fault.response["Error"]["Message"] if isinstance(fault, ClientError) else str(fault)
