"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from helpers.errors import InputError

Pairs = Annotated[list[str] | None, typer.Option("-p", metavar="KEY=VALUE", help="A parameter; may be given several times.")]


def pairs(texts: Sequence[str] | None) -> dict[str, str]:
    """Split ``key=value`` texts.

    Raises:
        InputError: no ``=``, no key, or a key twice.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InputError(f"-p {text!r}: write it as -p key=value")
        if key in found:
            raise InputError(f"-p {key} is given twice")
        found[key] = value
    return found


def check_writable(path: Path | None) -> None:
    """Refuse a ``--json`` file that cannot be written, before the work begins."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InputError(f"--json {path}: name a file in an existing folder")
