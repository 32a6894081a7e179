"""Exercises: silence costs nothing, a wrong answer gets a hint, a right one a tick."""

import pytest

from helpers import lesson
from helpers.errors import InputError


@pytest.fixture
def registered(monkeypatch):
    """An empty register with one exercise, 98.1: a number that is 2 / 5."""
    monkeypatch.setattr(lesson, "_EXERCISES", {})

    @lesson.exercise("98.1", hint="count the items shown")
    def two_fifths(answer):
        if answer == 2.5:
            return "upside down"
        return lesson.is_close(answer, 2 / 5)

    return two_fifths


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (..., "98.1: not answered yet"),
        (0.4, "98.1: \u2713 right"),
        (0.40001, "98.1: \u2713 right"),
        (0.5, "98.1: not yet. Hint: count the items shown"),
        (2.5, "98.1: not yet. Hint: upside down"),
    ],
)
def test_check_prints_one_line(registered, capsys, answer, line):
    lesson.check("98.1", answer)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize("answer", ["abc", object(), {"a": 1}, None])
def test_an_answer_of_the_wrong_form_never_breaks_the_notebook(registered, capsys, answer):
    lesson.check("98.1", answer)
    out = capsys.readouterr().out
    assert "not the form asked for" in out or "not yet" in out
    assert lesson.TICK not in out


def test_a_fault_of_the_check_itself_is_not_blamed_on_the_reader(monkeypatch):
    monkeypatch.setattr(lesson, "_EXERCISES", {})

    @lesson.exercise("98.1", hint="")
    def broken(answer):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lesson.check("98.1", 1)


def test_unknown_exercises_are_named(registered):
    with pytest.raises(InputError, match="unknown exercise '98.7'.*98.1"):
        lesson.check("98.7", 1)
    with pytest.raises(InputError, match="lesson '97' has no exercises"):
        lesson.check("97.1", 1)


def test_a_number_is_registered_once(registered):
    with pytest.raises(ValueError, match="98.1 is registered twice"):
        lesson.exercise("98.1", hint="")(registered)


def test_close_compares_numbers_and_lists_of_one_length():
    assert lesson.is_close([1, 2], (1.00001, 2))
    assert not lesson.is_close([1, 2], [1, 2, 3])
    assert not lesson.is_close([1, 2.1], [1, 2])
    assert not lesson.is_close(float("nan"), float("nan"))


def test_a_sealed_answer_is_recognised_in_any_spelling():
    digest = lesson.seal("aws-sims")
    assert "sims" not in digest
    assert lesson.is_secret(" AWS-SIMS ", digest) and not lesson.is_secret("aws-hrnn", digest)


def test_exercises_of_a_lesson_come_from_its_file(registered):
    assert list(lesson.exercises("98")) == ["98.1"]
    assert lesson.exercises("97") == {}
