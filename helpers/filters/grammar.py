"""Filter text to a typed tree. The text is parsed by a grammar, never executed; a fault is named with its column.

What the service leaves open, and what we chose: AND binds tighter than OR (there are no parentheses); a number may stand in
quotes; ``"*"`` means any event type, and only there.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lark import Lark, Token, Transformer, UnexpectedEOF, UnexpectedInput
from lark.exceptions import VisitError

from helpers.errors import InputError
from helpers.schemas import Schema

MAX_CHARACTERS = 2500
MAX_FIELDS = 5
"""Longest filter text, and most different fields in one filter (developer guide, "Quotas")."""

_GRAMMAR = r"""
filter: expression ("|" expression)*
expression: KIND TARGET _WHERE disjunction [_IF user_condition (_AND user_condition)*]
disjunction: conjunction (_OR conjunction)*
conjunction: condition (_AND condition)*
condition: FIELD _comparison
user_condition: USER_FIELD _comparison
_comparison: NOT? IN "(" values ")" | OPERATOR scalar
values: literal ("," literal)* | placeholder | STAR
scalar: literal | placeholder
given: literal ("," literal)*
literal: TEXT | NUMBER
placeholder: PLACEHOLDER

KIND: /(include|exclude)\b/i
TARGET: /(item|user)id\b/i
_WHERE: /where\b/i
_IF: /if\b/i
_AND: /and\b/i
_OR: /or\b/i
NOT: /not\b/i
IN: /in\b/i
OPERATOR: "<=" | ">=" | "<" | ">" | "="
FIELD: /(interactions|items|users)\.\w+/i
USER_FIELD: /currentuser\.\w+/i
TEXT: /"(\\.|[^"\\])*"/s | /'(\\.|[^'\\])*'/s
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
PLACEHOLDER: /\$\w+/
STAR: "*"
%ignore /\s+/
"""
_DATASETS = {"interactions": "Interactions", "items": "Items", "users": "Users", "currentuser": "CurrentUser"}
_SPOKEN = {
    "KIND": "INCLUDE or EXCLUDE",
    "TARGET": "ItemID or UserID",
    "FIELD": "Interactions.NAME, Items.NAME or Users.NAME",
    "USER_FIELD": "CurrentUser.NAME",
    "OPERATOR": "= < <= > >=",
    "TEXT": '"a value"',
    "NUMBER": "a number",
    "PLACEHOLDER": "$NAME",
    "STAR": "*",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "VBAR": "|",
    "$END": "the end",
}


@dataclass(frozen=True)
class Field:
    """A column as the text names it: ``dataset`` is Interactions, Items, Users or CurrentUser; ``name`` is in upper case."""

    dataset: str
    name: str
    column: int

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"


@dataclass(frozen=True)
class Placeholder:
    """A ``$NAME``, filled at each request; names are case-sensitive."""

    name: str


@dataclass(frozen=True)
class Condition:
    """``field operator values``: operator is one of ``IN``, ``NOT IN``, ``=``, ``<``, ``<=``, ``>``, ``>=``.

    ``values`` are texts as written (``("1990",)``), or a placeholder; ``None`` is the star, any value.
    """

    field: Field
    operator: str
    values: tuple[str, ...] | Placeholder | None


@dataclass(frozen=True)
class Expression:
    """One INCLUDE or EXCLUDE: ``any_of`` holds alternatives (OR), each of which holds conditions that must all be true (AND).

    ``only_if`` are conditions on the current user; where one is false the whole expression has no effect.
    """

    include: bool
    target: str
    any_of: tuple[tuple[Condition, ...], ...]
    only_if: tuple[Condition, ...] = ()

    @property
    def conditions(self) -> Iterator[Condition]:
        for conjunction in self.any_of:
            yield from conjunction
        yield from self.only_if

    @property
    def placeholders(self) -> set[str]:
        return {c.values.name for c in self.conditions if isinstance(c.values, Placeholder)}


@dataclass(frozen=True)
class Filter:
    """A whole filter; ``target`` is ``ItemID`` or ``UserID``."""

    text: str
    expressions: tuple[Expression, ...]

    @property
    def target(self) -> str:
        return self.expressions[0].target

    @property
    def placeholders(self) -> set[str]:
        return set().union(*(expression.placeholders for expression in self.expressions))

    @property
    def fields(self) -> set[Field]:
        return {condition.field for expression in self.expressions for condition in expression.conditions}

    def check(self, schemas: Mapping[str, Schema]) -> None:
        """Refuse fields that the schemas (by dataset type) lack or that cannot be filtered on.

        Raises:
            InputError: an unknown, textual or boolean field, or an order comparison with a string field.
        """
        for expression in self.expressions:
            for condition in expression.conditions:
                _check_field(self.text, condition, schemas)


def parse(text: str) -> Filter:
    """Parse a filter expression.

    Raises:
        InputError: the text does not follow the grammar or breaks a rule; the message names the column (from 1).
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"filter expression: {len(text)} characters, at most {MAX_CHARACTERS} are allowed")
    found = Filter(text, _parse("filter", text, "filter expression"))
    _check_rules(found)
    return found


def parse_values(name: str, text: str) -> tuple[str, ...]:
    """Parse the value of a placeholder: quoted texts or numbers, separated by commas (``"Comedy","Drama"``).

    Raises:
        InputError: as :func:`parse`.
    """
    return _parse("given", text, f"filter value {name}")


class _Build(Transformer):
    """From lark's parse tree to ours."""

    def filter(self, parts):
        return tuple(parts)

    def expression(self, parts):
        kind, target, any_of, *only_if = parts
        chosen = "ItemID" if target.lower() == "itemid" else "UserID"
        return Expression(kind.lower() == "include", chosen, any_of, tuple(c for c in only_if if c is not None))

    def disjunction(self, parts):
        return tuple(parts)

    def conjunction(self, parts):
        return tuple(parts)

    def condition(self, parts):
        field, *operator, values = parts
        return Condition(field, " ".join(operator).upper(), values)

    user_condition = condition

    def values(self, parts):
        if isinstance(parts[0], Placeholder):
            return parts[0]
        return None if isinstance(parts[0], Token) and parts[0].type == "STAR" else tuple(parts)

    scalar = values

    def given(self, parts):
        return tuple(parts)

    def literal(self, parts):
        (token,) = parts
        return re.sub(r"\\(.)", r"\1", str(token)[1:-1], flags=re.DOTALL) if token.type == "TEXT" else str(token)

    def placeholder(self, parts):
        return Placeholder(str(parts[0])[1:])

    def FIELD(self, token):
        dataset, name = str(token).split(".")
        return Field(_DATASETS[dataset.lower()], name.upper(), token.start_pos + 1)

    USER_FIELD = FIELD


_LARK = Lark(_GRAMMAR, parser="lalr", start=["filter", "given"])


def _parse(start: str, text: str, what: str):
    try:
        return _Build().transform(_LARK.parse(text, start=start))
    except UnexpectedInput as fault:
        at_end = isinstance(fault, UnexpectedEOF) or getattr(getattr(fault, "token", None), "type", "") == "$END"
        position = len(text) if at_end else fault.pos_in_stream
        expected = getattr(fault, "accepts", None) or getattr(fault, "expected", None) or getattr(fault, "allowed", None) or ()
        words = sorted({_SPOKEN.get(name, name.lstrip("_")) for name in expected})
        raise _fault(what, text, position + 1, f"expected {', '.join(words)}") from fault
    except (VisitError, RecursionError) as fault:
        raise InputError(f"{what}: cannot be read ({fault})") from fault


def _fault(what: str, text: str, column: int, problem: str) -> InputError:
    rest = text[column - 1 : column + 19].strip()
    return InputError(f"{what}, column {column}: {problem}, found {repr(rest) if rest else 'the end'}")


def _check_rules(found: Filter) -> None:
    what, text = "filter expression", found.text
    for expression in found.expressions:
        first = expression.any_of[0][0].field
        if expression.target != found.target:
            raise _fault(what, text, first.column, "ItemID and UserID cannot be mixed in one filter")
        for condition in expression.conditions:
            field = condition.field
            star = condition.values is None or condition.values == ("*",)
            if star and (field.dataset, field.name) != ("Interactions", "EVENT_TYPE"):
                raise _fault(what, text, field.column, '"*" is for Interactions.EVENT_TYPE only')
            if field.dataset not in (first.dataset, "CurrentUser"):
                problem = f"{first.dataset} and {field.dataset} cannot be mixed in one expression; chain two with |"
                raise _fault(what, text, field.column, problem)
        if first.dataset == ("Users" if found.target == "ItemID" else "Items"):
            problem = f"{first.dataset} cannot select a {found.target}"
            instead = "; conditions on the current user stand after IF" if found.target == "ItemID" else ""
            raise _fault(what, text, first.column, problem + instead)
    if found.target == "UserID" and any(expression.only_if for expression in found.expressions):
        raise InputError(f"{what}: IF CurrentUser is for ItemID only; a UserID filter has no current user")
    different = {(field.dataset, field.name) for field in found.fields}
    if len(different) > MAX_FIELDS:
        raise InputError(f"{what}: {len(different)} different fields, at most {MAX_FIELDS} are allowed")


def _check_field(text: str, condition: Condition, schemas: Mapping[str, Schema]) -> None:
    field = condition.field
    kind = "Users" if field.dataset == "CurrentUser" else field.dataset
    if kind not in schemas:
        raise _fault("filter expression", text, field.column, f"there is no {kind} dataset")
    known = {column.name.upper(): column for column in schemas[kind].fields}
    if field.name not in known:
        problem = f"{field} is no field of the {kind} schema ({', '.join(known)})"
        raise _fault("filter expression", text, field.column, problem)
    column = known[field.name]
    if column.textual or column.type == "boolean":
        what = "textual" if column.textual else "boolean"
        raise _fault("filter expression", text, field.column, f"Invalid Expression: {field} is {what}")
    if condition.operator[0] in "<>" and column.type == "string":
        raise _fault("filter expression", text, field.column, f"{condition.operator} needs a number, {field} is a string")
    if column.type != "string" and isinstance(condition.values, tuple):
        for value in condition.values:
            number(f"filter expression, column {field.column}: {field}", value)


def number(what: str, text: str) -> float:
    """Return the number that a literal stands for.

    Raises:
        InputError: it is none.
    """
    try:
        return float(text)
    except ValueError as fault:
        raise InputError(f"{what} holds numbers, so it cannot be compared with {text!r}") from fault
