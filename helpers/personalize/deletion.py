"""Deleting users: who is named by a deletion file, and imported data without them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.compute
import pyarrow.parquet

from helpers.errors import InputError
from helpers.interactions import USER_ID


def read_users(files: Sequence[Path]) -> set[str]:
    """Return the user ids of deletion files: CSV with the single column USER_ID.

    Raises:
        InputError: a file is unreadable, has other columns, or names nobody.
    """
    found: set[str] = set()
    for file in files:
        try:
            frame = pd.read_csv(file, dtype="str", keep_default_na=False, encoding="utf-8-sig")
        except (ValueError, OSError) as fault:
            raise InputError(f"{file.name}: not a readable CSV file in UTF-8 ({' '.join(str(fault).split())[:200]})") from fault
        if [name.strip().upper() for name in frame.columns] != [USER_ID]:
            raise InputError(f"{file.name}: a deletion file has the single column USER_ID, found {', '.join(frame.columns)}")
        found |= {name for name in frame.iloc[:, 0] if name}
    if not found:
        raise InputError("the deletion file names no user")
    return found


def without_users(source: Path, users: set[str], target: Path) -> int:
    """Write an imported part without the rows of these users; return how many rows that leaves out.

    ``target`` is written only where there is something to leave out.
    """
    table = pyarrow.parquet.read_table(source)
    theirs = pyarrow.compute.is_in(table[USER_ID], value_set=pyarrow.array(sorted(users), pyarrow.string()))
    gone = pyarrow.compute.sum(theirs).as_py() or 0
    if gone:
        pyarrow.parquet.write_table(table.filter(pyarrow.compute.invert(theirs)), target)
    return gone
