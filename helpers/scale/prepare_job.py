"""The preparation as a job for spark-submit or AWS Glue: ``--INPUT`` raw files, ``--OUTPUT`` datasets.

On this machine (from the project's folder)::

    spark-submit helpers/scale/prepare_job.py --INPUT data/gift-shop --OUTPUT data/cache/gift-shop

On a cluster the package travels with the job: ``zip -r helpers.zip helpers``, then ``--py-files helpers.zip``; the workers need
Python 3.11 with numpy, pandas, pyarrow and scipy. As a Glue job the same file is the script, the zip its ``--extra-py-files``
and these libraries its ``--additional-python-modules``; the arguments are written as Glue passes them, and what Glue adds of its
own is ignored.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run as a file: its package is two folders up, unless it came as a zip
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers.errors import InputError
from helpers.scale import prepare
from helpers.scale.session import current

_OWN = ("JOB_NAME", "INPUT", "OUTPUT", "SOURCE")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of the job, written ``--NAME value`` or ``--NAME=value``; those of Glue itself are left out."""
    parser = argparse.ArgumentParser(prog="prepare_job", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("--JOB_NAME", default="prepare", help="named in the output (default: %(default)s)")
    parser.add_argument("--INPUT", required=True, help="folder or s3:// address of the raw files")
    parser.add_argument("--OUTPUT", required=True, help="folder or s3:// address to write to; replaced if a job wrote it")
    parser.add_argument(
        "--SOURCE", default="glue", choices=prepare.SOURCES, help="layout of the raw files (default: %(default)s)"
    )
    given, others = parser.parse_known_args(arguments)
    near = [name for name in others if name.startswith("--") and name[2:].split("=")[0].upper() in _OWN]
    if near:
        parser.error(f"unknown argument {near[0]}; names are written in capitals")
    return given


def main(arguments: Sequence[str]) -> int:
    """Run the job; print the account as JSON. Returns the exit code: 0, or 2 after a mistake in the input."""
    given = parse(arguments)
    try:
        accounts = prepare.prepare(current(), given.INPUT, given.OUTPUT, given.SOURCE)
    except InputError as fault:
        print(f"{given.JOB_NAME}: {fault}", file=sys.stderr)
        return 2
    print(json.dumps({"job": given.JOB_NAME, "output": given.OUTPUT, "accounts": accounts}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
