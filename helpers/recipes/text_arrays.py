"""Lists of texts as plain number arrays, so that a saved model can hold names without a second file format.

All texts are written one after the other as UTF-8 bytes, and a second array says where each begins: the layout of Apache
Arrow's string columns.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from helpers.recipes.model_files import check_array


def pack(name: str, texts: Iterable[str]) -> dict[str, np.ndarray]:
    """Return the arrays ``<name>_bytes`` uint8 ``(total,)`` and ``<name>_offsets`` int64 ``(n + 1,)``."""
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    return {f"{name}_bytes": np.frombuffer(b"".join(encoded), np.uint8), f"{name}_offsets": offsets}


def unpack(name: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Return the texts that :func:`pack` wrote.

    Raises:
        ValueError: the arrays are missing or do not fit together, or the bytes are not UTF-8.
    """
    data = check_array(arrays, f"{name}_bytes", np.uint8, (None,))
    offsets = check_array(arrays, f"{name}_offsets", np.int64, (None,))
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
        raise ValueError(f"the offsets of {name!r} do not fit its bytes")
    whole = data.tobytes()
    return [whole[start:end].decode() for start, end in zip(offsets[:-1], offsets[1:], strict=True)]
