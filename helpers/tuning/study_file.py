"""A search in a file: a journal to which every step is appended, so that an interrupted search goes on where it stopped.

The file is Optuna's journal, one JSON object a line. A lock of the operating system admits one search at a time; it falls with
the process that holds it. A line torn by a kill is cut off at the next start; the steps before it count.
"""

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalStorage

from helpers.errors import InputError

_NAME = "search"
_ABOUT = "about"


@contextlib.contextmanager
def open_study(path: str | Path | None, about: Mapping[str, Any]) -> Iterator[optuna.Study]:
    """Yield the study of this search; None keeps it in memory.

    Args:
        about: plain JSON values that say what is searched; a file that says anything else is refused.

    Raises:
        InputError: the file cannot be written, is in use, is no study, or belongs to another search.
    """
    with quiet():
        if path is None:
            yield _study(optuna.storages.InMemoryStorage(), about)
            return
        path = Path(path)
        with _locked(path) as file:
            _mend(path, file)
            try:
                storage = JournalStorage(_Journal(str(path), lock_obj=_AlreadyLocked()))
                names = [study.study_name for study in storage.get_all_studies()]
            except (LookupError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError) as fault:
                raise InputError(f"{path} is no study that can be read; name another file") from fault
            if names:
                _check_same(path, storage, names, about)
            yield _study(storage, about)


def _study(storage: optuna.storages.BaseStorage, about: Mapping[str, Any]) -> optuna.Study:
    study = optuna.create_study(storage=storage, study_name=_NAME, direction="maximize", load_if_exists=True)
    if _ABOUT not in study.user_attrs:
        study.set_user_attr(_ABOUT, dict(about))
    return study


def _check_same(path: Path, storage: JournalStorage, names: list[str], about: Mapping[str, Any]) -> None:
    if names != [_NAME]:
        raise InputError(f"{path} is the study of another program; name another file")
    stored = optuna.load_study(study_name=_NAME, storage=storage).user_attrs.get(_ABOUT, about)
    for name, value in about.items():
        if stored.get(name) != value:
            raise InputError(
                f"{path} is the study of another search: there {name} is {stored.get(name)}, here {value}; name another file"
            )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[Any]:
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InputError(f"{path}: name a study file in an existing folder")
    try:
        file = path.open("a+b")
    except OSError as fault:
        raise InputError(f"{path} cannot be written: {fault.strerror}") from fault
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as fault:
            raise InputError(f"{path} is in use by another search; wait for it, or raise its number of workers") from fault
        yield file


def _mend(path: Path, file: Any) -> None:
    """Cut off a last line without an end, and refuse a file with any other line that is no step of a study."""
    file.seek(0)
    whole = file.read()
    kept = whole[: whole.rfind(b"\n") + 1]
    if whole and not kept:
        raise InputError(f"{path} is no study file; name another one")
    for number, line in enumerate(kept.splitlines(), 1):
        try:
            step = json.loads(line)
        except ValueError as fault:
            raise InputError(f"{path}, line {number} is damaged: no JSON; name another file") from fault
        if not isinstance(step, dict) or not isinstance(step.get("op_code"), int) or "worker_id" not in step:
            raise InputError(f"{path}, line {number} is no step of a study; name another file")
    if len(kept) < len(whole):
        file.truncate(len(kept))


class _Journal(JournalFileBackend):
    """A journal that says what is wrong when the disk is full."""

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        try:
            super().append_logs(logs)
        except OSError as fault:
            raise InputError(f"{self._file_path} cannot be written: {fault.strerror}; what it holds can be resumed") from fault


class _AlreadyLocked:
    """The journal's own lock, not needed: a search writes from one process, and the file is locked for as long as it runs."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from reporting every study and trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
