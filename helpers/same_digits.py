"""Environment variables under which two machines compute the same digits; they count only before NumPy or PyTorch is loaded.

Sums of floating-point numbers depend on their order, and unstable sorting leaves ties in any order. Numerical libraries
choose both by the number of threads and by what the CPU can do. One thread and one choice of kernels take that away:
AVX2, which x86-64 CPUs have had since 2013. MKL promises equal digits on CPUs of different makers only in its mode
COMPATIBLE, which halves the speed of PyTorch's matrix products. The Makefile sets the same variables; a test compares.
"""

import contextlib
import os
import platform
from collections.abc import Iterator, Mapping

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
X86_64_KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "COMPATIBLE",
}
VARIABLES = ONE_THREAD | (X86_64_KERNELS if platform.machine() in ("x86_64", "AMD64") else {})
"""What this machine needs: name -> value."""


@contextlib.contextmanager
def applied(variables: Mapping[str, str] = VARIABLES) -> Iterator[None]:
    """Set variables for processes that start inside, and put the former values back."""
    saved = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
