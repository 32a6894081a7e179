"""Checks of the exercises in notebook 03."""

from helpers.datasets.csv_files import parse_csv
from helpers.datasets.dataset import MIN_INTERACTIONS, MIN_USERS
from helpers.errors import InputError
from helpers.lesson import exercise, is_close
from helpers.schemas import Field, Schema, check


@exercise("03.1", hint="the type is a list when a cell may be empty; one flag says that training should use the text as labels")
def _(answer):
    try:
        schema = Schema.parse({"type": "record", "name": "Items", "fields": [{"name": "ITEM_ID", "type": "string"}, answer]})
    except InputError as fault:
        return str(fault)
    return schema.fields[1] == Field("MATERIAL", "string", nullable=True, categorical=True)


@exercise("03.2", hint="count the digits and compare with the table in section 5; then cut to a whole number")
def _(answer):
    return is_close(answer, 1735689600123456 // 10**6)


@exercise("03.3", hint="which row repeats another one exactly? Which lacks something without which an interaction means nothing?")
def _(answer):
    rows = ["u1,i1,10,view,,mobile", "u1,i1,10,view,,mobile", "u1,i1,11,view,,mobile", "u2,i1,10.5,view,,mobile"]
    rows += ["u2,i1,10,view,much,mobile"]
    content = "\n".join([",".join(_SCHEMA.names), *rows]).encode()
    return is_close(answer, check(parse_csv(content, "exercise"), _SCHEMA).rows_kept)


@exercise("03.4", hint="two conditions hold together: enough interactions, and enough users who have at least two")
def _(answer):
    shops = {"a": (5000, 24), "b": (1000, 0), "c": (1000, 25)}
    interactions, users_with_two = shops[str(answer).strip(" ()").lower()]
    return interactions >= MIN_INTERACTIONS and users_with_two >= MIN_USERS


_SCHEMA = Schema(
    "Interactions",
    (
        *(Field(name, "string") for name in ("USER_ID", "ITEM_ID")),
        Field("TIMESTAMP", "long"),
        Field("EVENT_TYPE", "string"),
        Field("EVENT_VALUE", "float", nullable=True),
        Field("DEVICE", "string", categorical=True),
    ),
)
