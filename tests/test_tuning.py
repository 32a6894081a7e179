"""The search: finds a known best, sees no test user, survives kills, refuses what is not its own, and repeats itself."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tuning_toys
from tuning_toys import BEST, LOG, Fussy, Peak, Steps

from helpers import recipes, splits, tuning
from helpers.datasets.dataset import toy_dataset
from helpers.errors import InputError
from helpers.evaluation import NDCG
from helpers.recipes.base import USER_SEGMENTATION
from helpers.splits import SPLITS
from helpers.tuning import searching
from helpers.tuning.validation import Questions

SIMS = recipes.get("aws-sims")


@pytest.fixture(scope="module")
def loyal():
    return tuning_toys.loyal()


@pytest.fixture
def fits(tmp_path, monkeypatch):
    """A function that lists the fits so far: process id, place, number of interactions."""
    log = tmp_path / "fits.txt"
    monkeypatch.setenv(LOG, str(log))
    return lambda: [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def outcome(found):
    """All of a search's trials but their seconds."""
    return found.trials.drop(columns="seconds")


# ---------------------------------------------------------------- what it finds


def test_it_finds_the_known_best_and_what_mattered(loyal):
    found = tuning.search(loyal, Peak, trials=40)
    assert found.best_hyperparameters["place"] == pytest.approx(BEST, abs=0.05)
    assert found.default_value < found.best_value
    assert found.trials.iloc[0]["place"] == 0.9 and found.trials.iloc[0]["value"] == found.default_value  # defaults come first
    assert found.importance["place"] > 0.9 and found.importance.sum() == pytest.approx(1)
    assert found.trials["best so far"].is_monotonic_increasing


def test_its_best_values_are_the_services_strings_and_the_recipes_fields(loyal):
    found = tuning.search(loyal, Peak, trials=6, fixed={"sleep": "0"})
    assert all(isinstance(value, str) for value in found.algorithm_hyperparameters.values())
    assert Peak.create({"sleep": "0", **found.algorithm_hyperparameters}) == found.tuned
    assert found.default == Peak(sleep=0.0)
    questions = Questions.of(tuning.training_part(loyal, "personalize", 0), "personalize", 0, NDCG, 3)
    assert found.best_value == pytest.approx(np.mean([questions.measure(found.tuned, fold) for fold in range(3)]))


def test_improvement_is_measured_on_the_outer_test_users_in_pairs(loyal):
    found = tuning.search(loyal, Peak, trials=20)
    better = found.improvement()
    outer = splits.personalize(loyal.interactions, seed=0)
    expected = loyal.interactions.user_ids.ids[outer.inputs.users].tolist()
    assert better.default.users.tolist() == better.tuned.users.tolist() == expected
    assert better.test.significant and better.test.difference.low > 0 and "more than luck" in str(better)
    held = tuning.search(loyal, Peak, trials=1).improvement()
    assert held.test.difference.mean == 0 and held.test.p_value == 1 and "no proof" in str(held)


def test_the_same_seed_gives_the_same_search(loyal):
    first, second = (tuning.search(loyal, Peak, trials=12, seed=5) for _ in range(2))
    assert outcome(first).equals(outcome(second))
    assert not outcome(first).equals(outcome(tuning.search(loyal, Peak, trials=12, seed=6)))


def test_it_says_a_line_for_each_trial(loyal):
    said = []
    tuning.search(loyal, Peak, trials=3, say=said.append)
    assert [line.split(":")[0] for line in said] == ["trial 1 of 3", "trial 2 of 3", "trial 3 of 3"]
    assert all("(best 0." in line for line in said)


# ---------------------------------------------------------------- what it must not see


class Spy(Peak):
    """Notes every event that a model is fitted on or asked with."""

    name = "toy-spy"
    seen: set = set()

    def fit(self, dataset, seed=0):
        note(dataset.interactions.histories)
        model = super().fit(dataset, seed)
        model.score = lambda histories, context=None: note(histories) or type(model).score(model, histories)
        return model


def note(histories):
    Spy.seen |= {(int(histories.users[row]), int(time)) for row, time in zip(histories.rows, histories.timestamps, strict=True)}


def check_for_leaks(dataset, split):
    """Search, and assert that nothing of the outer test users' truths (nor, under personalize, of their inputs) was seen or asked
    for. User and time tell an event apart in the toy data."""
    Spy.seen = set()
    asked = []
    of = Questions.of.__func__

    def noting(cls, *arguments):
        asked.append(of(cls, *arguments))
        return asked[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Questions, "of", classmethod(noting))
        tuning.search(dataset, Spy, trials=2, split=split)
    for fold in asked[0].folds:
        note(fold.inputs)
        note(fold.truth)
    outer = splits.split(dataset.interactions, split, seed=0)
    seen, Spy.seen = Spy.seen, set()
    note(outer.truth)
    if split == "personalize":
        note(outer.inputs)
    assert len(seen) > 1000 and not seen & Spy.seen


@pytest.mark.parametrize("split", SPLITS)
def test_no_outer_truth_is_seen_by_the_search(loyal, split):
    check_for_leaks(loyal, split)


def test_a_search_on_all_data_fails_the_leak_test(loyal, monkeypatch):
    monkeypatch.setattr(searching, "training_part", lambda dataset, split, seed: dataset)
    for split in SPLITS:
        with pytest.raises(AssertionError):
            check_for_leaks(loyal, split)


def test_a_search_that_validates_on_the_test_users_fails_the_leak_test(loyal, monkeypatch):
    outer = splits.personalize(loyal.interactions, seed=0)
    monkeypatch.setitem(splits.SPLITS, "personalize", lambda interactions, seed: outer)  # folds = the outer split again
    with pytest.raises(AssertionError):
        check_for_leaks(loyal, "personalize")


def test_folds_of_personalize_are_other_users_each_time_and_never_test_users(loyal):
    outer = splits.personalize(loyal.interactions, seed=0)
    folds = Questions.of(tuning.training_part(loyal, "personalize", 0), "personalize", 0, NDCG, 3).folds
    users = [set(fold.inputs.users.tolist()) for fold in folds]
    assert all(len(one) >= 8 and not one & set(outer.inputs.users.tolist()) for one in users)
    assert len(set.union(*users)) > max(map(len, users))


@pytest.mark.parametrize("split", ["temporal", "last-basket", "leave-last"])
def test_folds_of_the_other_splits_walk_back_in_time(loyal, split):
    folds = Questions.of(tuning.training_part(loyal, split, 0), split, 0, NDCG, 3).folds
    assert len(folds) == 3
    for newer, older in zip(folds, folds[1:], strict=False):
        newest = {user: times.max() for user, times in by_user(older.truth).items()}
        assert all(newest[user] < times.min() for user, times in by_user(newer.truth).items() if user in newest)


def by_user(histories):
    return {int(user): one.timestamps for user in histories.users if (one := histories.take(histories.users == user))}


def test_short_histories_give_fewer_folds_and_none_at_all_is_said():
    pairs = toy_dataset("pairs", {f"u{u}": ["a", "b", "c"] for u in range(400)})
    training = tuning.training_part(pairs, "leave-last", 0)
    assert len(Questions.of(training, "leave-last", 0, NDCG, 5).folds) == 1
    used_up = tuning.training_part(training, "leave-last", 0)
    with pytest.raises(InputError, match="pairs: the training users leave nothing to validate on"):
        Questions.of(used_up, "leave-last", 0, NDCG, 5)


# ---------------------------------------------------------------- what it saves


def test_pruning_saves_fits_and_leaves_the_best_as_it_is(loyal, fits):
    thorough = tuning.search(loyal, Steps, trials=30, prune=False)
    n_thorough = len(fits())
    pruned = tuning.search(loyal, Steps, trials=30)
    n_pruned = len(fits()) - n_thorough
    assert pruned.best_hyperparameters == thorough.best_hyperparameters == {"place": 3}
    assert pruned.best_value == thorough.best_value
    assert set(thorough.trials["state"]) == {"complete"} and set(thorough.trials["folds"]) == {3}
    given_up = pruned.trials[pruned.trials["state"] == "pruned"]
    assert len(given_up) and (given_up["folds"] < 3).all() and (given_up["value"] < pruned.best_value).all()
    assert n_pruned < len(pruned.trials) * 3


def test_a_pruning_that_gives_up_the_good_ones_would_be_noticed(loyal, monkeypatch):
    worst_first = type("Upside", (), {"prune": lambda self, study, trial: trial.intermediate_values[trial.last_step] > 0.5})()
    monkeypatch.setattr(searching, "MEDIAN_RULE", worst_first)
    assert tuning.search(loyal, Steps, trials=30).best_hyperparameters != {"place": 3}


def test_values_tried_before_are_not_trained_again(loyal, fits):
    found = tuning.search(loyal, Steps, trials=15, ranges={"place": (2, 4)}, prune=False)
    assert len(found.trials) == 15 and found.trials["place"].nunique() == 3
    assert len(fits()) == 3 * 3


def test_values_that_the_recipe_refuses_count_as_refused(loyal):
    found = tuning.search(loyal, Fussy, trials=15)
    refused = found.trials[found.trials["state"] == "refused"]
    assert len(refused) and (refused["place"] > 0.5).all() and refused["value"].isna().all()
    assert len(found.trials) == 15 and found.best_hyperparameters["place"] <= 0.5
    with pytest.raises(InputError, match="toy-fussy: place = .* is too much for loyal"):
        tuning.search(loyal, Fussy, trials=5, ranges={"place": (0.8, 0.9)})


# ---------------------------------------------------------------- kills, files, processes


def wait_for_trials(study: Path, n: int, process: subprocess.Popen) -> None:
    until = time.monotonic() + 60
    while not study.exists() or study.read_text().count('"state":1') < n:
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)


def test_a_killed_search_goes_on_as_if_it_had_never_been_interrupted(loyal, tmp_path, fits):
    study = tmp_path / "study.journal"
    process = subprocess.Popen([sys.executable, tuning_toys.__file__, str(study)])
    wait_for_trials(study, 4, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with study.open("ab") as file:
        file.write(b'{"op_code":6,"worker_id":"torn')  # a kill in the middle of a line
    before = len(fits())
    resumed = tuning.search(loyal, Peak, trials=12, fixed={"sleep": "0.05"}, storage=study)
    spared = len(fits()) - before
    whole = tuning.search(loyal, Peak, trials=12, fixed={"sleep": "0.05"})
    assert outcome(resumed).equals(outcome(whole))
    assert spared <= 8 * 3 < len(fits()) - before  # four trials and more were kept


def test_more_trials_go_on_from_a_finished_study(loyal, tmp_path, fits):
    study = tmp_path / "study.journal"
    tuning.search(loyal, Peak, trials=5, storage=study)
    done = len(fits())
    again = tuning.search(loyal, Peak, trials=5, storage=study)
    assert len(fits()) == done and len(again.trials) == 5
    assert outcome(tuning.search(loyal, Peak, trials=12, storage=study)).equals(outcome(tuning.search(loyal, Peak, trials=12)))


def test_two_processes_work_on_one_study(loyal, tmp_path, fits):
    study = tmp_path / "study.journal"
    found = tuning.search(loyal, Peak, trials=12, jobs=2, storage=study, fixed={"sleep": "0.1"})
    assert len(found.trials) == 12 and set(found.trials["state"]) <= {"complete", "pruned"}
    processes = {line[0] for line in fits()}
    assert len(processes) == 2 and str(os.getpid()) not in processes
    again = tuning.search(loyal, Peak, trials=12, storage=study, fixed={"sleep": "0.1"})
    assert outcome(again).equals(outcome(found))
    alone = {row.place: row.value for row in tuning.search(loyal, Peak, trials=3).trials.itertuples()}
    assert all(alone[row.place] == row.value for row in found.trials.itertuples() if row.place in alone)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"recipe": Steps}, "recipe is toy-peak, here toy-steps"),
        ({"seed": 1}, "seed is 0, here 1"),
        ({"split": "temporal"}, "split is personalize, here temporal"),
        ({"metric": "precision_at_5"}, "here precision_at_5"),
        ({"folds": 2}, "folds is 3, here 2"),
        ({"prune": False}, "prune is True, here False"),
        ({"fixed": {"idle": 5}}, "idle is 0 to 10, here 5"),
        ({"fixed": {"sleep": 0.001}}, r"sleep is 0\.0, here 0\.001"),
        ({"ranges": {"place": (0, 0.5), "idle": (0, 10)}}, r"place is 0\.0 to 1\.0, here 0\.0 to 0\.5"),
        ({"dataset": "other"}, "data is [0-9a-f]{16}, here [0-9a-f]{16}"),
    ],
)
def test_the_study_of_another_search_is_refused_and_left_alone(loyal, tmp_path, fits, other, words):
    study = tmp_path / "study.journal"
    tuning.search(loyal, Peak, trials=2, storage=study)
    content, done = study.read_bytes(), len(fits())
    if other.pop("dataset", None):
        loyal = loyal.with_interactions(loyal.interactions.keep(loyal.interactions.timestamps > 0))
    with pytest.raises(InputError, match=f"study.journal is the study of another search: there .*{words}; name another file"):
        tuning.search(loyal, other.pop("recipe", Peak), trials=2, storage=study, **other)
    assert study.read_bytes() == content and len(fits()) == done


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("hello", "is no study file"),
        ("hello\n", "line 1 is damaged"),
        ('{"a": 1}\n', "line 1 is no step of a study"),
        ("[1, 2]\n", "line 1 is no step of a study"),
        ('{"op_code": 1, "worker_id": "x"}\n', "is no study that can be read"),
        ('{"op_code": 0, "worker_id": "x", "study_name": "mine", "directions": [1]}\n', "is the study of another program"),
    ],
)
def test_a_file_that_is_no_study_is_refused_and_left_alone(loyal, tmp_path, fits, content, words):
    study = tmp_path / "study.journal"
    study.write_text(content)
    with pytest.raises(InputError, match=words):
        tuning.search(loyal, Peak, storage=study)
    assert study.read_text() == content and not fits()


def test_a_study_file_must_be_writable_and_free(loyal, tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "nowhere" / "study"):
        with pytest.raises(InputError, match="name a study file in an existing folder"):
            tuning.search(loyal, Peak, storage=path)
    study = tmp_path / "study.journal"
    with study.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="is in use by another search"):
            tuning.search(loyal, Peak, storage=study)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device; what it holds can be resumed"):
        tuning.search(loyal, Peak, storage=study)


# ---------------------------------------------------------------- ranges and mistakes


def service(integer=(), continuous=(), categorical=()):
    lists = {"integer": integer, "continuous": continuous, "categorical": categorical}
    return {f"{kind}HyperParameterRanges": list(entries) for kind, entries in lists.items()}


def between(name, low, high):
    return {"name": name, "minValue": low, "maxValue": high}


@pytest.mark.parametrize("name", recipes.names())
def test_default_ranges_are_the_services_and_round_trip(name):
    recipe = recipes.get(name)
    ranges = tuning.default_ranges(recipe)
    assert list(ranges) == list(service())
    if any(ranges.values()):
        assert tuning.parse_ranges(recipe, ranges) == tuning.parse_ranges(recipe) == tuning.parse_ranges(recipe, service())
    else:
        with pytest.raises(InputError, match="finds users" if recipe.type == USER_SEGMENTATION else "no tunable hyperparameter"):
            tuning.check_request(name)


def test_the_services_own_tables_are_what_is_searched():
    assert tuning.default_ranges(recipes.get("aws-sims")) == service(
        integer=[between("min_cointeraction_count", 0, 10)], continuous=[between("popularity_discount_factor", 0, 1)]
    )
    network = service(
        integer=[between("hidden_dimension", 32, 256), between("bptt", 2, 32)],
        categorical=[{"name": "recency_mask", "values": ["true", "false"]}],
    )
    for name in ("aws-user-personalization", "aws-personalized-ranking", "aws-hrnn", "aws-hrnn-metadata", "aws-hrnn-coldstart"):
        assert tuning.default_ranges(recipes.get(name)) == network
    assert tuning.default_ranges(recipes.get("aws-similar-items")) == service(
        integer=[between("item_id_hidden_dim", 30, 200), between("item_metadata_hidden_dim", 30, 200)]
    )


def test_ranges_in_the_services_shape_take_text_and_narrow_what_is_drawn(loyal):
    ranges = service(continuous=[between("place", "0.5", "0.6")])
    found = tuning.search(loyal, Peak, ranges=ranges, trials=4)
    assert found.trials["place"].between(0.5, 0.6).all() and "idle" not in found.trials
    assert found.default_value is None  # the default, 0.9, was not asked for
    _, space = tuning.check_request("aws-hrnn", ranges=service(categorical=[{"name": "recency_mask", "values": ["false"]}]))
    assert space["recency_mask"].choices == (False,)


def test_in_short_any_hyperparameter_may_be_searched():
    _, space = tuning.check_request("aws-sims", ranges={"history_decay": (0, 3), "cointeraction": ["session", "user"]})
    assert list(space) == ["cointeraction", "history_decay"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"recipe": "aws-simz"}, "unknown recipe 'aws-simz'. Did you mean 'aws-sims'"),
        ({"recipe": "aws-popularity-count"}, "aws-popularity-count has no tunable hyperparameter"),
        ({"recipe": "aws-item-affinity", "ranges": {"hidden_dimension": (32, 64)}}, "finds users"),
        ({"metric": "ndcg_at_25"}, "unknown metric 'ndcg_at_25'"),
        ({"metric": "coverage"}, "unknown metric 'coverage'"),
        ({"split": "personalise"}, "unknown split 'personalise'"),
        ({"trials": 0}, "trials = 0: use a whole number, at least 1"),
        ({"trials": 2.5}, "trials = 2.5: use a whole number"),
        ({"jobs": 0}, "jobs = 0: use a whole number"),
        ({"folds": 0}, "folds = 0"),
        ({"seed": -1}, "seed = -1: use a whole number, at least 0"),
        ({"fixed": {"neighbors": 5}}, "unknown hyperparameter of aws-sims 'neighbors'. Did you mean 'neighbours'"),
        ({"fixed": {"neighbours": 0}}, r"neighbours = 0 is not allowed; use \[1, 1000\]"),
        ({"fixed": {"popularity_discount_factor": 0, "min_cointeraction_count": 1}}, "every tunable hyperparameter is held"),
        ({"fixed": {"history_decay": 1}, "ranges": {"history_decay": (0, 1)}}, "is both held and given a range"),
        ({"ranges": {"decay": (0, 1)}}, "unknown hyperparameter of aws-sims 'decay'"),
        ({"ranges": {"popularity_discount_factor": (0, 1.5)}}, r"popularity_discount_factor = 1.5 is not allowed; use \[0, 1\]"),
        ({"ranges": {"popularity_discount_factor": (0.6, 0.4)}}, "is 0.6 to 0.4; give the lower end first"),
        ({"ranges": {"popularity_discount_factor": (0, 0.5, 1)}}, "has 3 numbers"),
        ({"ranges": {"popularity_discount_factor": "0,1"}}, r"give \(low, high\) or a list"),
        ({"ranges": {"min_cointeraction_count": (0.5, 2)}}, "0.5 is not a whole number"),
        ({"ranges": {"cointeraction": ["basket", "year"]}}, "cointeraction = 'year' is not allowed"),
        ({"ranges": service(integer=[between("min_cointeraction_count", 0, 11)])}, r"= 11 is not allowed; use \[0, 10\]"),
        (
            {"ranges": service(integer=[between("popularity_discount_factor", 0, 1)])},
            "belongs into continuousHyper",
        ),
        ({"ranges": service(integer=[between("neighbours", 1, 9)])}, "neighbours is not tunable; tunable are: popularity_disc"),
        ({"ranges": service(integer=[between("min_cointeraction_count", 0, 1)] * 2)}, "is given two ranges"),
        ({"ranges": service(integer=[{"name": "bptt", "minValue": 2}])}, "an entry has the members name, minValue, maxValue"),
        ({"ranges": service() | {"ranges": []}}, "unknown list of hyperparameter ranges 'ranges'"),
    ],
)
def test_mistakes_are_refused_before_anything_trains(loyal, monkeypatch, given, words):
    monkeypatch.setattr(SIMS, "fit", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(InputError, match=words):
        tuning.search(loyal, **({"recipe": "aws-sims"} | given))


def test_too_little_data_is_refused():
    with pytest.raises(InputError, match="at least 1000"):
        tuning.search(toy_dataset("tiny", {"a": ["x", "y"]}), Peak)
