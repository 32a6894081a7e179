"""The process that Spark forks its Python workers from, with the libraries loaded once: a new worker is ready at once."""

from pyspark.daemon import manager

import helpers.pair_weights  # noqa: F401
import helpers.scale.pairs  # noqa: F401
import helpers.scale.prepare  # noqa: F401  (no recipes here: PyTorch would be loaded for jobs that do not need it)

if __name__ == "__main__":
    manager()
