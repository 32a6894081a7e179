"""Changed parameters of each notebook, and the recorded values that must then differ from its stored output.

To add a notebook or a parameter, add a line to ``VARIANTS``: name of the notebook, what is changed, and the names of the
recorded values that must then differ (all others may). Two test files run them, a half each: two workers share the slowest tests.
"""

from pathlib import Path

import pytest

from helpers import notebooks, report

VARIANTS: list[tuple[str, dict, tuple[str, ...]]] = [
    # where a line changes two parameters, each of the recorded values hangs on one of them only
    ("00_start_here", {"SEED": 3, "K": 5}, ("first_item", "recommended")),
    ("01_content_and_collaborative", {"SEED": 1}, ("rmse_mean",)),
    ("01_content_and_collaborative", {"FACTORS": 8}, ("ndcg_als", "rmse_factorisation")),
    ("02_prepare_the_glue_sample", {"SEED": 1, "PAUSE": 1}, ("events_of_the_customer", "visits")),
    ("03_schemas_and_imports", {"SEED": 1}, ("interactions_of_the_small_shop",)),
    ("03_schemas_and_imports", {"CUSTOMERS": 80}, ("interactions_of_the_small_shop", "small_shop_can_be_trained")),
    ("04_measure_recommendations", {"SEED": 1}, ("ndcg_at_25", "ndcg_at_25_popularity", "ndcg_at_25_leaky")),
    ("04_measure_recommendations", {"RECIPE": "local-content-based"}, ("ndcg_at_25", "ndcg_at_25_leaky")),
    ("10_popularity_count", {"SEED": 1, "DAYS": 60}, ("ndcg_personalize", "ndcg_recent")),
    ("11_sims", {"DISCOUNT": 0.0}, ("ndcg_at_25", "coverage")),
    ("11_sims", {"SEED": 1, "MIN_COUNT": 10}, ("ndcg_at_25_popularity", "items_reachable")),
    ("12_similar_items", {"SEED": 1, "DIMENSIONS": 30}, ("ndcg_at_25", "ndcg_at_25_sims")),
    ("12_similar_items", {"COLD": 20}, ("cold_items", "cold_ndcg", "cold_ndcg_sims", "cold_ndcg_content")),
    ("16_user_personalization", {"EPOCHS": 1, "WEIGHT": 0.0}, ("ndcg_inside_the_year", "new_items_shown")),
    ("17_personalized_ranking", {"HIDDEN_DIMENSION": 40, "LONGEST": 20}, ("searches", "reciprocal_rank_after")),
    ("40_item_affinity", {"SEED": 1, "RANK": 300}, ("hits_at_1_percent", "item")),
    ("40_item_affinity", {"SIZE": 10}, ("expected_takers",)),
    ("41_item_attribute_affinity", {"SEED": 1, "SIZE": 10}, ("hits_at_1_percent", "expected_takers")),
    (
        "41_item_attribute_affinity",
        {"QUERY": 'ITEMS.CATEGORY = "Food" AND ITEMS.THEME = "Alpine Folk"'},
        ("query", "expected_takers"),
    ),
    ("30_campaigns", {"SEED": 1, "DISCOUNT": 0.0}, ("asked", "first_related")),
    ("31_filters_and_context", {"SEED": 1, "PRICE": 3.0}, ("customer", "first_cheap", "passing_the_chain")),
    ("31_filters_and_context", {"SHARE": 20}, ("promoted",)),
    ("32_real_time_events", {"SEED": 1, "CUSTOMERS": 40}, ("hit_rate_at_0", "hit_rate_at_8")),
    ("33_batch_recommendations", {"SEED": 1, "CUSTOMERS": 20}, ("first_customer", "lines_answered")),
    ("33_batch_recommendations", {"SIZE": 10}, ("segment_size",)),
    ("13_hrnn", {"SEED": 1, "EPOCHS": 1}, ("ndcg_personalize", "ndcg_temporal")),
    ("14_hrnn_metadata", {"SEED": 1, "EPOCHS": 1}, ("ndcg_hrnn", "ndcg_hrnn_metadata")),
    ("15_hrnn_coldstart", {"COLD_DAYS": 10.0, "EPOCHS": 1}, ("cold_items", "users_asked")),
    ("dataset_report", {"SEED": 1, "MEASURE": False}, ("answer", "test_cut_inside_a_basket", "test_hidden_items_had_before")),
    ("recipe_report", {"RECIPE": "local-content-based", "BASELINE": "aws-sims"}, ("recipe", "ndcg_at_25_baseline")),
    ("recipe_report", {"SEED": 1}, ("ndcg_at_25", "ndcg_at_25_baseline")),
    ("recipe_report", {"SPLIT": "temporal"}, ("ndcg_at_25", "ndcg_at_25_baseline")),
    ("recipe_report", {"EXCLUDE_SEEN": True}, ("ndcg_at_25",)),
    ("recipe_report", {"HYPERPARAMETERS": "popularity_discount_factor=0.1"}, ("ndcg_at_25", "coverage")),
    ("segment_report", {"QUERY": "1212", "SIZE": 20}, ("query", "users", "expected_takers")),
    ("segment_report", {"QUERY": 'ITEMS.CATEGORY = "Jewellery"'}, ("rate_in_the_past", "lift_over_anybody")),
    ("20_compare_and_tune", {"SPLIT": "temporal", "TRIALS": 8}, ("ndcg_at_25", "gain_of_tuning_temporal")),
    ("20_compare_and_tune", {"SEED": 1, "EPOCHS": 2}, ("ndcg_at_25_hrnn", "ndcg_at_25")),
    ("52_good_fit_bad_fit", {"SEED": 1, "WORTH": 0.04, "DRAWS": 1}, ("customers_needed", "known_share_needed")),
    (
        "50_use_cases",
        {"SEED": 1, "CUSTOMERS": 30, "HISTORY": 0.3},
        ("places_climbed_two_words", "live_list_gain", "mailing_gain"),
    ),
    ("51_ab_test", {"SEED": 1, "WEEKS": 4, "LIFT": 0.04}, ("users_needed", "difference", "cost_of_full_exploration")),
    (
        "60_scale_out",
        {"SEED": 1, "USERS": 3000, "CORES": 8},
        ("ndcg_two_processes", "generated_events", "seconds_on_the_cluster"),
    ),
]


def folder_of(name: str) -> Path:
    return notebooks.NOTEBOOKS / ("reports" if name.endswith("_report") else "")


def each(variants: list[tuple[str, dict, tuple[str, ...]]]):
    """Return the mark that runs a test for each of these variants."""
    names = [f"{name}-{'-'.join(changed)}" for name, changed, _ in variants]
    return pytest.mark.parametrize(("name", "changed", "differing"), variants, ids=names)


def check(name: str, changed: dict, differing: tuple[str, ...], folder: Path) -> None:
    """Run the notebook with the changed parameters and compare what it records."""
    path = folder_of(name) / f"{name}.ipynb"
    if reason := notebooks.why_not(path):
        pytest.skip(reason)
    stored = report.read_records(path)
    assert changed.items() - notebooks.parameters_of(path).items(), "the variant is the default"
    made = report.run(path, out=folder / "out", **changed)
    assert made.records.keys() == stored.keys()
    same = [record for record in differing if made.records[record] == stored[record]]
    assert differing and not same, f"{same} did not change"
