"""The query language of ``aws-item-attribute-affinity``: ``ITEMS.GENRES = "Comedy" AND ITEMS.YEAR = 1995``.

A query names what an item must have; ``AND`` asks for items that have all of it. There is nothing else: no ``OR``, no other
comparison, no brackets (developer guide, "Batch segment job input"). The words ``ITEMS`` and ``AND`` may be written in any
case. A value is a number, or a text in double or single quotes in which a backslash keeps the next character as it is.
"""

import re
from dataclasses import dataclass, field

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput

from helpers.errors import InputError

MAX_LENGTH = 2500
"""The longest query that is read, in characters; the service has this limit for its filters."""

_PARSER = Lark(
    r"""
    query: condition (_AND condition)*
    condition: _ITEMS _DOT FIELD _EQUAL (TEXT | NUMBER)
    _ITEMS: /ITEMS(?!\w)/i
    _AND: /AND(?!\w)/i
    _DOT: "."
    _EQUAL: "="
    FIELD: /[A-Za-z_]\w*/
    TEXT: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
    NUMBER: /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])/
    %ignore /\s+/
    """,
    start="query",
    parser="lalr",
)

_EXPECTED = {
    "_ITEMS": "ITEMS",
    "_AND": "AND",
    "_DOT": "a dot",
    "FIELD": "the name of a column",
    "_EQUAL": "=",
    "TEXT": "a value in double quotes",
    "NUMBER": "a number",
    "$END": "the end",
}
"""What the grammar's names mean in a message, in the order in which a message lists them."""


@dataclass(frozen=True)
class Condition:
    """An item has ``value`` (as written, without quotes) in the column ``name``.

    ``column`` is the place of that name in the query, from 1; two conditions are equal wherever they stand.
    """

    name: str
    value: str
    column: int = field(default=0, compare=False)

    def __str__(self) -> str:
        quoted = re.sub(r'(["\\])', r"\\\1", self.value)
        return f'ITEMS.{self.name} = "{quoted}"'


@dataclass(frozen=True)
class AttributeQuery:
    """The conditions that an item must fulfil, all of them; at least one."""

    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return " AND ".join(map(str, self.conditions))


def parse(text: str) -> AttributeQuery:
    """Read a query.

    Raises:
        InputError: not a text, too long, or not of the language; the message shows the column and what is expected there.
    """
    if not isinstance(text, str):
        raise InputError(f'an attribute query is a text such as ITEMS.GENRES = "Comedy", not {type(text).__name__}')
    if len(text) > MAX_LENGTH:
        raise InputError(f"the attribute query has {len(text)} characters; at most {MAX_LENGTH} are read")
    try:
        return _Tree().transform(_PARSER.parse(text))
    except UnexpectedInput as fault:
        raise _syntax_error(text, fault) from fault


class _Tree(Transformer):
    """Turns lark's tree into ours."""

    def condition(self, parts: list[Token]) -> Condition:
        name, value = parts
        written = re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL) if value.type == "TEXT" else str(value)
        return Condition(str(name), written, name.start_pos + 1)

    def query(self, conditions: list[Condition]) -> AttributeQuery:
        return AttributeQuery(tuple(conditions))


def _syntax_error(text: str, fault: UnexpectedInput) -> InputError:
    at_character = isinstance(fault, UnexpectedCharacters)
    names = fault.allowed if at_character else fault.accepts | fault.expected
    expected = [meaning for name, meaning in _EXPECTED.items() if name in names]
    place = fault.pos_in_stream if at_character or fault.token.type != "$END" else len(text)
    found = repr(text[place : place + 12]) if place < len(text) else "the end of the query"
    return InputError(f"attribute query, column {place + 1}: expected {' or '.join(expected)}, found {found}. Query: {text}")
