"""The service's schemas: which columns a dataset has, of which type, and what training may do with them.

A schema is an Avro record written as JSON (developer guide, "Datasets and schemas"). Where the guide and its newer
companions disagree, the wider limit holds: up to 100 attributes for Items.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from helpers.errors import InputError, unknown_name

DATASET_TYPES = ("Interactions", "Items", "Users")
TYPES = ("string", "boolean", "int", "long", "float", "double")
MAX_CHARACTERS = 20_000
"""Longest schema text that the service accepts."""

REQUIRED: Mapping[str, Mapping[str, str]] = {
    "Interactions": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "Items": {"ITEM_ID": "string"},
    "Users": {"USER_ID": "string"},
}
RESERVED: Mapping[str, Mapping[str, str]] = {
    "Interactions": {
        "EVENT_TYPE": "string",
        "EVENT_VALUE": "float",
        "IMPRESSION": "string",
        "RECOMMENDATION_ID": "string",
        "EVENT_ATTRIBUTION_SOURCE": "string",
    },
    "Items": {"CREATION_TIMESTAMP": "long"},
    "Users": {},
}
MAX_ATTRIBUTES: Mapping[str, int] = {"Interactions": 5, "Items": 100, "Users": 5}
"""Most columns of the user's own, besides required and reserved ones."""

_ATTRIBUTES = ("name", "type", "categorical", "textual", "doc", "default", "aliases", "order")
_FLAGS = ("categorical", "textual")


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes:
        name: the column's name.
        type: one of :data:`TYPES`.
        nullable: whether a cell may be empty.
        categorical: a string with few values, several in one cell separated by ``|``.
        textual: free text (Items only). A string with neither flag is stored and can be filtered on, but never trained on.
    """

    name: str
    type: str
    nullable: bool = False
    categorical: bool = False
    textual: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the field as the schema document writes it."""
        flags = {flag: True for flag in _FLAGS if getattr(self, flag)}
        return {"name": self.name, "type": ["null", self.type] if self.nullable else self.type} | flags


@dataclass(frozen=True)
class Schema:
    """The columns of one dataset; always valid by the service's rules, which are checked on construction.

    Attributes:
        dataset_type: ``Interactions``, ``Items`` or ``Users``.
        fields: the columns in order.

    Raises:
        InputError: a rule is broken; the message names the field.
    """

    dataset_type: str
    fields: tuple[Field, ...]

    def __post_init__(self):
        if self.dataset_type not in DATASET_TYPES:
            raise unknown_name("dataset type", str(self.dataset_type), DATASET_TYPES)
        _check_names(self)
        for field in self.fields:
            _check_field(self.dataset_type, field)
        _check_required(self)
        _check_attributes(self)

    @classmethod
    def parse(cls, document: str | Mapping[str, Any]) -> "Schema":
        """Read a schema document, JSON text or the dictionary it stands for.

        Raises:
            InputError: not JSON, not an Avro record of flat fields, or a rule of the service is broken.
        """
        content = _load(document)
        if content.get("type") != "record":
            raise InputError(f'schema: "type" must be "record", found {content.get("type")!r}')
        name, fields = content.get("name"), content.get("fields")
        if not isinstance(name, str) or name not in DATASET_TYPES:
            raise InputError(f'schema: "name" must be one of {", ".join(DATASET_TYPES)}, found {name!r}')
        if not isinstance(fields, Sequence) or isinstance(fields, str) or not fields:
            raise InputError(f'schema {name}: "fields" must be a list with at least one field')
        return cls(name, tuple(_parse_field(name, position, field) for position, field in enumerate(fields)))

    def to_json(self, indent: int | None = None) -> str:
        """Return the schema document as JSON text, which :meth:`parse` reads back to an equal schema."""
        document = {
            "type": "record",
            "name": self.dataset_type,
            "namespace": "com.amazonaws.personalize.schema",
            "fields": [field.to_dict() for field in self.fields],
            "version": "1.0",
        }
        return json.dumps(document, ensure_ascii=False, indent=indent)

    @property
    def names(self) -> list[str]:
        """The column names in order."""
        return [field.name for field in self.fields]

    @property
    def attributes(self) -> tuple[Field, ...]:
        """The fields that are neither required nor reserved: the user's own."""
        fixed = REQUIRED[self.dataset_type].keys() | RESERVED[self.dataset_type].keys()
        return tuple(field for field in self.fields if field.name not in fixed)

    def __getitem__(self, name: str) -> Field:
        for field in self.fields:
            if field.name == name:
                return field
        raise unknown_name(f"field of the {self.dataset_type} schema", name, self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names


def default_schema(dataset_type: str) -> Schema:
    """Return the schema of the guide's first example for this dataset type.

    Raises:
        InputError: no such dataset type.
    """
    own = {
        "Interactions": (),
        "Items": (Field("GENRES", "string", True, categorical=True), Field("DESCRIPTION", "string", True, textual=True)),
        "Users": (Field("AGE", "int", True), Field("GENDER", "string", True, categorical=True)),
    }
    if dataset_type not in DATASET_TYPES:
        raise unknown_name("dataset type", str(dataset_type), DATASET_TYPES)
    required = tuple(Field(name, type_) for name, type_ in REQUIRED[dataset_type].items())
    return Schema(dataset_type, required + own[dataset_type])


def column_key(name: str) -> str:
    """Return what makes a column name distinct for the service: its letters and digits, in one case."""
    return re.sub(r"[\W_]", "", name).upper()


def _load(document: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(document, str):
        if len(document) > MAX_CHARACTERS:
            raise InputError(f"schema: {len(document)} characters, but the service accepts at most {MAX_CHARACTERS}")
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as fault:
            raise InputError(f"schema: not valid JSON ({fault})") from fault
    if not isinstance(document, Mapping):
        raise InputError(f"schema: expected a JSON object, found {type(document).__name__}")
    return document


def _parse_field(schema: str, position: int, field: Any) -> Field:
    if not isinstance(field, Mapping) or not isinstance(field.get("name"), str):
        raise InputError(f'schema {schema}: field number {position + 1} must be an object with a "name"')
    where = f"schema {schema}, field {field['name']}"
    for attribute in field:
        near = difflib.get_close_matches(str(attribute), _FLAGS, n=1, cutoff=0.7)
        if attribute not in _ATTRIBUTES and near:
            raise InputError(f'{where}: unknown attribute {attribute!r}. Did you mean "{near[0]}"?')
    for flag in _FLAGS:
        if not isinstance(field.get(flag, False), bool):
            raise InputError(f'{where}: "{flag}" must be true or false, found {field[flag]!r}')
    type_, nullable = _parse_type(where, field.get("type"))
    return Field(field["name"], type_, nullable, field.get("categorical", False), field.get("textual", False))


def _parse_type(where: str, given: Any) -> tuple[str, bool]:
    union = given if isinstance(given, list) else [given]
    for name in union:
        if not isinstance(name, str) or name not in (*TYPES, "null"):
            raise InputError(f"{where}: type {name!r} is not one of {', '.join(TYPES)}, null (no records, arrays or maps)")
    proper = [name for name in union if name != "null"]
    if len(proper) != 1 or len(set(union)) != len(union):
        raise InputError(f"{where}: give one type, or that type and null, found {given!r}")
    return proper[0], "null" in union


def _check_names(schema: Schema) -> None:
    seen: dict[str, str] = {}
    for name in schema.names:
        key = column_key(name)
        if not key:
            raise InputError(f"schema {schema.dataset_type}: field name {name!r} holds no letter or digit")
        if key in seen:
            raise InputError(
                f"schema {schema.dataset_type}: fields {seen[key]} and {name} are the same name once case and "
                "punctuation are ignored; rename one"
            )
        seen[key] = name


def _check_field(dataset_type: str, field: Field) -> None:
    where = f"schema {dataset_type}, field {field.name}"
    required, reserved = REQUIRED[dataset_type], RESERVED[dataset_type]
    fixed = required.get(field.name) or reserved.get(field.name)
    if field.type not in TYPES:
        raise InputError(f"{where}: type {field.type!r} is not one of {', '.join(TYPES)}")
    if fixed and field.type != fixed:
        raise InputError(f"{where}: this name is reserved for type {fixed}, found {field.type}")
    if field.name in required and field.nullable:
        raise InputError(f"{where}: a required field cannot be null; write the type as {fixed!r}")
    for flag in _FLAGS:
        if getattr(field, flag) and field.type != "string":
            raise InputError(f"{where}: only a string can be {flag}, this is {field.type}; a number needs no flag")
        if getattr(field, flag) and fixed:
            raise InputError(f"{where}: this name is reserved and cannot be {flag}")
    if field.categorical and field.textual:
        raise InputError(f"{where}: choose categorical or textual, not both")
    if field.textual and dataset_type != "Items":
        raise InputError(f"{where}: textual fields exist in Items only")


def _check_required(schema: Schema) -> None:
    missing = [name for name in REQUIRED[schema.dataset_type] if name not in schema.names]
    if missing:
        raise InputError(f"schema {schema.dataset_type}: required field {', '.join(missing)} is missing; names are upper case")


def _check_attributes(schema: Schema) -> None:
    kind, own = schema.dataset_type, schema.attributes
    if len(own) > MAX_ATTRIBUTES[kind]:
        raise InputError(f"schema {kind}: {len(own)} fields of your own, at most {MAX_ATTRIBUTES[kind]} are allowed; remove some")
    optional = [field for field in schema.fields if field.name not in REQUIRED[kind]]
    if kind != "Interactions" and not any(f.type != "string" or f.categorical or f.textual for f in optional):
        flags = '"categorical": true or "textual": true' if kind == "Items" else '"categorical": true'
        raise InputError(f"schema {kind}: needs a field to learn from: a number, or a string marked {flags}")
