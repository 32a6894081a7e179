"""Schemas of the three dataset types, and the check of a table against one: which rows an import keeps, and why."""

from helpers.schemas.check import check
from helpers.schemas.infer import infer
from helpers.schemas.report import Dropped, ImportReport
from helpers.schemas.schema import DATASET_TYPES, Field, Schema, default_schema

__all__ = ["DATASET_TYPES", "Dropped", "Field", "ImportReport", "Schema", "check", "default_schema", "infer"]
