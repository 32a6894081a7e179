"""The one exception that means "the input is at fault, not the program"."""

import difflib
import errno
from collections.abc import Iterable

UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
"""Faults of a disk, not of the program: full, over quota, read-only, forbidden, broken."""


class InputError(ValueError):
    """A mistake in what the user handed in: a file, a field, a name, a parameter.

    The message names the place of the fault and says what to do next; the command line prints it
    as one line without a traceback.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not among ``known``, with the nearest known names first."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    return InputError(f"unknown {kind} {name!r}. {hint}Known: {', '.join(known)}")
