"""Checks of the exercises in notebook 33."""

import json
from pathlib import PurePosixPath

from helpers.lesson import exercise


@exercise("33.1", hint="braces, a name, a colon, a value; names and identifiers stand in double quotation marks")
def _(answer):
    if not isinstance(answer, str):
        return "give a text: what stands in the file, not a dictionary"
    return "\n" not in answer.strip() and json.loads(answer) == {"userId": "12128"}


@exercise("33.2", hint="section 3 read the output: what does the function put behind the name of the input?")
def _(answer):
    where = PurePosixPath(str(answer).removeprefix("s3://"))
    return str(answer).startswith("s3://") and where.parent.name == "lists" and where.name == "may.json.out"


@exercise("33.3", hint="section 4: did the broken lines come back? An empty line asks nothing")
def _(answer):
    blank = 2
    return answer == 1000 - blank
