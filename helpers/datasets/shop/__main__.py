"""``python -m helpers.datasets.shop [--out DIR]``: write the gift shop's raw files again, byte for byte."""

import argparse
from pathlib import Path

from helpers.datasets.shop.generate import write


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m helpers.datasets.shop", description="Generate the gift shop's raw files.")
    parser.add_argument("--out", type=Path, default=Path("data/gift-shop"), help="folder to write into (default: %(default)s)")
    folder = parser.parse_args().out
    write(folder)
    for path in sorted(folder.iterdir()):
        print(f"{path}  {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
