"""Recommendations and rankings through boto3: edges as documented, filters, context, promotions, real-time data."""

import logging

import numpy as np
import pytest
from botocore.exceptions import ClientError
from personalize_lab import FAKES, interactions, items, open_lab

from helpers import recipes
from helpers.recipes.sessions import is_running


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    added = dict(FAKES)
    recipes.REGISTRY.update(added)
    lab = open_lab(tmp_path_factory.mktemp("runtime") / "home").shop()
    lab.popular = lab.campaign("aws-popularity-count", "popular", {"enableMetadataWithRecommendations": True})
    lab.sims = lab.campaign("aws-sims", "sims")
    lab.newest = lab.campaign("local-newest-first", "newest")
    lab.ranking = lab.campaign("local-newest-ranking", "ranking")
    lab.tracking = lab.tracker()
    yield lab
    lab.service.close()
    for name in added:
        del recipes.REGISTRY[name]


@pytest.fixture(autouse=True)
def no_fault_of_the_program(caplog):
    yield
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "the service logged a traceback"


def popular_items() -> list[str]:
    counts = interactions().drop_duplicates(["USER_ID", "ITEM_ID"])["ITEM_ID"].value_counts()
    ranked = sorted(counts.index, key=lambda item: (-counts[item], item))
    return ranked + [item for item in items()["ITEM_ID"] if item not in counts]


def refused(lab, words, campaign, code="InvalidInputException", **request):
    with pytest.raises(ClientError, match=words) as raised:
        lab.recommend(campaign, **request)
    assert raised.value.response["Error"]["Code"] == code
    return raised.value.response


def test_25_items_by_default_fewer_or_more_on_request_best_first(lab):
    assert lab.recommend(lab.popular) == popular_items()[:25]
    assert lab.recommend(lab.popular, numResults=3) == popular_items()[:3]
    assert lab.recommend(lab.popular, numResults=500) == popular_items(), "no more than the catalogue"
    refused(lab, "at most 500", lab.popular, numResults=501)


def test_popular_items_ask_for_nobody_related_items_for_an_item_the_rest_for_a_user(lab):
    refused(lab, "itemId is required", lab.sims, userId="u1")
    refused(lab, "userId is required", lab.newest, itemId="i01")
    assert lab.recommend(lab.popular) and lab.recommend(lab.newest, userId="u1", itemId="i01")


def test_unknown_users_and_items_get_the_popular_items(lab):
    assert lab.recommend(lab.newest, userId="nobody", numResults=5) == popular_items()[:5]
    assert lab.recommend(lab.sims, itemId="nothing", numResults=5) == popular_items()[:5]
    assert lab.recommend(lab.sims, itemId="i39", numResults=5) == popular_items()[:5], "an item without any interaction"
    for strange in ("'; DROP TABLE", "../../etc", "한국", "x" * 256):
        assert len(lab.recommend(lab.newest, userId=strange)) == 25
    refused(lab, "length less than or equal to 256", lab.newest, userId="x" * 257)


def test_related_items_never_hold_the_item_itself(lab):
    assert "i00" not in lab.recommend(lab.sims, itemId="i00", numResults=500)


def test_scores_have_seven_decimals_and_are_absent_where_the_service_has_none(lab):
    row = lab.runtime.get_recommendations(campaignArn=lab.newest, userId="nobody")["itemList"][0]
    assert set(row) == {"itemId", "score"} and row["score"] == round(row["score"], 7)
    for campaign, request in ((lab.popular, {}), (lab.sims, {"itemId": "i00"})):
        answer = lab.runtime.get_recommendations(campaignArn=campaign, **request)
        assert all(set(row) == {"itemId"} for row in answer["itemList"])
        assert len(answer["recommendationId"]) == 40 and answer["recommendationId"].startswith("RID-")


def test_unknown_campaigns_and_wrong_operations(lab):
    response = refused(lab, "Could not find", lab.popular + "x", "ResourceNotFoundException")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 404
    refused(lab, "cannot be used with a campaign of local-newest-ranking", lab.ranking, userId="u1")
    with pytest.raises(ClientError, match="GetPersonalizedRanking cannot be used"):
        lab.runtime.get_personalized_ranking(campaignArn=lab.popular, userId="u1", inputList=["i01"])
    with pytest.raises(ClientError, match="campaignArn or recommenderArn is required"):
        lab.runtime.get_recommendations(userId="u1")


def test_a_ranking_keeps_the_list_and_puts_unknown_items_last_without_a_score(lab):
    newest = interactions().query("USER_ID == 'u1'").drop_duplicates("ITEM_ID", keep="last")["ITEM_ID"].tolist()
    given = ["what", newest[-2], "i39", "ever", newest[-1]]
    answer = lab.runtime.get_personalized_ranking(campaignArn=lab.ranking, userId="u1", inputList=given)
    rows = answer["personalizedRanking"]
    assert [row["itemId"] for row in rows] == [newest[-1], newest[-2], "i39", "what", "ever"]
    assert ["score" in row for row in rows] == [True, True, True, False, False]
    answer = lab.runtime.get_personalized_ranking(campaignArn=lab.ranking, userId="nobody", inputList=["i05", "x", "i00"])
    assert [row["itemId"] for row in answer["personalizedRanking"]] == ["i00", "i05", "x"]


def test_a_ranking_with_a_filter_leaves_items_out(lab):
    cups = lab.filter("rank-cups", 'INCLUDE ItemID WHERE Items.GENRE IN ("cup")')
    request = {"campaignArn": lab.ranking, "userId": "u1", "inputList": ["i01", "i02", "i05", "x"]}
    rows = lab.runtime.get_personalized_ranking(filterArn=cups, **request)["personalizedRanking"]
    assert {row["itemId"] for row in rows} == {"i01", "i05"}
    lab.control.delete_filter(filterArn=cups)
    without = lab.filter("rank-no-cups", 'EXCLUDE ItemID WHERE Items.GENRE IN ("cup")')
    rows = lab.runtime.get_personalized_ranking(filterArn=without, **request)["personalizedRanking"]
    assert [row["itemId"] for row in rows] == ["i02", "x"], "an unknown item is no cup"
    lab.control.delete_filter(filterArn=without)


def test_context_reaches_the_model_and_strange_context_does_no_harm(lab):
    plain = lab.recommend(lab.newest, userId="u1", numResults=40)
    for key in ("DEVICE", "device"):
        assert lab.recommend(lab.newest, userId="u1", numResults=1, context={key: "phone"}) != plain[:1]
    for strange in ({"DEVICE": "None"}, {"NOPE": "1"}, {"DEVICE": "laptop"}):
        assert lab.recommend(lab.newest, userId="u1", numResults=40, context=strange) == plain


def test_filters_by_item_by_user_and_by_what_the_user_did(lab):
    tea = lab.filter("tea", "INCLUDE ItemID WHERE Items.GENRE IN ($G) AND Items.PRICE < $P")
    found = lab.recommend(lab.popular, filterArn=tea, filterValues={"G": '"tea"', "P": "20"})
    assert found == [i for i in popular_items() if int(i[1:]) < 20 and (int(i[1:]) % 2 == 0 or int(i[1:]) % 5 == 0)]
    refused(lab, r"needs a value for \$P", lab.popular, filterArn=tea, filterValues={"G": '"tea"'})
    refused(lab, "column 1", lab.popular, filterArn=tea, filterValues={"G": "tea", "P": "20"})
    young = lab.filter("young", "EXCLUDE ItemID WHERE Items.PRICE > 5 IF CurrentUser.AGE < 18")
    assert set(lab.recommend(lab.popular, userId="u3", filterArn=young)) == {f"i{i:02}" for i in range(6)}
    assert len(lab.recommend(lab.popular, userId="u30", filterArn=young)) == 25
    refused(lab, "userId is required: the filter", lab.popular, filterArn=young)
    bought = lab.filter("bought", 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Purchase")')
    want = set(interactions().query("USER_ID == 'u7' and EVENT_TYPE == 'purchase'")["ITEM_ID"])
    assert set(lab.recommend(lab.popular, userId="u7", filterArn=bought)) == want
    assert lab.recommend(lab.popular, userId="nobody", filterArn=bought) == []
    refused(lab, "without a filterArn", lab.popular, filterValues={"G": '"tea"'})
    refused(lab, "Could not find", lab.popular, "ResourceNotFoundException", filterArn=tea + "x")
    for arn in (tea, young, bought):
        lab.control.delete_filter(filterArn=arn)
    refused(lab, "Could not find", lab.popular, "ResourceNotFoundException", filterArn=tea)


def test_promotions_fill_their_share_in_order_at_random_places(lab):
    dear = lab.filter("dear", "INCLUDE ItemID WHERE Items.PRICE >= 30")
    cheap = lab.filter("cheap", "INCLUDE ItemID WHERE Items.PRICE < 10")
    promotion = {"name": "dear", "percentPromotedItems": 25, "filterArn": dear}
    layouts = set()
    for _ in range(12):
        answer = lab.runtime.get_recommendations(campaignArn=lab.popular, numResults=10, filterArn=cheap, promotions=[promotion])
        rows = answer["itemList"]
        special = [row["itemId"] for row in rows if row.get("promotionName") == "dear"]
        assert special == [i for i in popular_items() if int(i[1:]) >= 30][:3], "25 % of 10, rounded half up"
        rest = [row["itemId"] for row in rows if "promotionName" not in row]
        assert rest == [i for i in popular_items() if int(i[1:]) < 10][:7]
        layouts.add(tuple("promotionName" in row for row in rows))
    assert len(layouts) > 1
    everything = promotion | {"percentPromotedItems": 100}
    rows = lab.runtime.get_recommendations(campaignArn=lab.popular, numResults=25, promotions=[everything])["itemList"]
    assert len(rows) == 25 and sum("promotionName" in row for row in rows) == 10, "only ten items are that dear"
    for arn in (dear, cheap):
        lab.control.delete_filter(filterArn=arn)


def test_metadata_columns_come_as_texts_and_only_where_the_campaign_allows(lab):
    answer = lab.runtime.get_recommendations(campaignArn=lab.popular, numResults=1, metadataColumns={"ITEMS": ["GENRE", "PRICE"]})
    (row,) = answer["itemList"]
    number = int(row["itemId"][1:])
    assert row["metadata"] == {"GENRE": items()["GENRE"][number], "PRICE": str(number)}
    refused(lab, "enableMetadataWithRecommendations", lab.newest, userId="u1", metadataColumns={"ITEMS": ["GENRE"]})
    refused(lab, "at most 50", lab.popular, numResults=51, metadataColumns={"ITEMS": ["GENRE"]})
    refused(lab, "has no COLOUR", lab.popular, metadataColumns={"ITEMS": ["COLOUR"]})


def test_an_event_changes_the_next_answer_of_that_user_only(lab):
    before, other = (lab.recommend(lab.newest, userId=user) for user in ("u2", "u4"))
    lab.send(lab.tracking, "u2", "i39")
    assert before[0] != "i39" and lab.recommend(lab.newest, userId="u2")[0] == "i39"
    assert lab.recommend(lab.newest, userId="u4") == other
    lab.send(lab.tracking, "u2", None, properties='{"itemId": "i38", "device": "phone", "somethingElse": 1}')
    assert lab.recommend(lab.newest, userId="u2")[:2] == ["i38", "i39"]
    lab.send(lab.tracking, "u2", "i37", sentAt=1_600_000_000)
    assert lab.recommend(lab.newest, userId="u2")[0] == "i38", "an older event does not become the newest"
    lab.send(lab.tracking, "u2", "never-trained")
    assert lab.recommend(lab.newest, userId="u2")[:2] == ["i38", "i39"]


def test_a_visitor_is_known_by_the_session_and_a_new_user_by_the_first_event(lab):
    lab.send(lab.tracking, None, "i33", session="anonymous")
    assert lab.recommend(lab.newest, userId="anonymous")[0] == "i33"
    assert lab.recommend(lab.newest, userId="fresh")[0] == popular_items()[0]
    lab.send(lab.tracking, "fresh", "i34")
    assert lab.recommend(lab.newest, userId="fresh")[0] == "i34"


def test_filters_see_streamed_events_at_once(lab):
    watched = lab.filter("watched", 'EXCLUDE ItemID WHERE Interactions.event_type IN ("watch")')
    first = lab.recommend(lab.popular, userId="w", filterArn=watched)[0]
    lab.send(lab.tracking, "w", first, "watch")
    assert first not in lab.recommend(lab.popular, userId="w", filterArn=watched, numResults=500)
    assert first in lab.recommend(lab.popular, userId="w2", filterArn=watched)
    lab.control.delete_filter(filterArn=watched)


def test_put_items_and_put_users_change_what_filters_see(lab):
    gold = lab.filter("gold", 'INCLUDE ItemID WHERE Items.GENRE IN ("gold")')
    assert lab.recommend(lab.popular, filterArn=gold) == []
    lab.events.put_items(
        datasetArn=lab.dataset("Items"), items=[{"itemId": "i03", "properties": '{"genre": "gold|tea", "price": 1}'}]
    )
    assert lab.recommend(lab.popular, filterArn=gold) == ["i03"]
    lab.events.put_items(datasetArn=lab.dataset("Items"), items=[{"itemId": "i03"}, {"itemId": "new"}])
    assert lab.recommend(lab.popular, filterArn=gold) == []
    korea = lab.filter("korea", 'EXCLUDE ItemID WHERE Items.PRICE >= 0 IF CurrentUser.LAND = "KP"')
    assert lab.recommend(lab.popular, userId="u5", filterArn=korea)
    lab.events.put_users(datasetArn=lab.dataset("Users"), users=[{"userId": "u5", "properties": '{"LAND": "KP"}'}])
    assert set(lab.recommend(lab.popular, userId="u5", filterArn=korea)) <= {"i03"}, "all items with a price are gone"
    for arn in (gold, korea):
        lab.control.delete_filter(filterArn=arn)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ("{", "not valid JSON"),
        ("[1]", "send a JSON object"),
        ('{"price": "dear"}', 'PRICE is "dear", but the schema says float'),
        ('{"price": NaN}', "PRICE is NaN"),
        ('{"genre": {"a": 1}}', "GENRE is"),
    ],
)
def test_properties_that_cannot_be_read_are_refused(lab, properties, words):
    with pytest.raises(ClientError, match=words):
        lab.events.put_items(datasetArn=lab.dataset("Items"), items=[{"itemId": "i01", "properties": properties}])


def test_events_without_a_tracker_or_for_the_wrong_dataset_are_refused(lab):
    with pytest.raises(ClientError, match="no event tracker"):
        lab.send("11111111-2222", "u1", "i01")
    with pytest.raises(ClientError, match="is no Items dataset"):
        lab.events.put_items(datasetArn=lab.dataset("Users"), items=[{"itemId": "i01"}])
    with pytest.raises(ClientError) as raised:
        lab.events.put_users(datasetArn=lab.dataset("Users") + "X", users=[{"userId": "i01"}])
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_2500_events_in_a_row(lab):
    for i in range(2500):
        lab.send(lab.tracking, f"load{i % 7}", f"i{i % 39:02}", sentAt=1_800_000_000 + i)
    newest = f"i{2499 % 39:02}"
    assert lab.recommend(lab.newest, userId=f"load{2499 % 7}")[0] == newest


def test_a_history_is_the_training_and_what_came_since_in_the_order_of_time(lab):
    deployment = lab.service.answering._deployments[lab.newest]
    group = lab.service.groups.get(lab.group)
    lab.send(lab.tracking, "u9", "i20", sentAt=1_900_000_000, properties='{"device": "tv"}')
    batch = deployment.histories(["u9", "unknown", "u8"], group)
    single = deployment.histories(["u9"], group)
    assert batch.lengths[1] == 0 and batch.users[1] == -1
    assert np.array_equal(batch.take([0]).items, single.items) and (np.diff(single.timestamps) >= 0).all()
    assert single.columns["DEVICE"][-1] == "tv" and deployment.model.item_ids.names(single.items[-1:])[0] == "i20"
    want = interactions().query("USER_ID == 'u8'").sort_values("TIMESTAMP", kind="stable")["ITEM_ID"].tolist()
    assert deployment.model.item_ids.names(batch.take([2]).items).tolist() == want


def test_requests_are_asked_at_the_newest_time_the_service_knows_of(lab):
    """So whoever has just sent an event is inside a visit, and everybody else at the start of the next."""
    deployment, group = lab.service.answering._deployments[lab.newest], lab.service.groups.get(lab.group)
    end = int(interactions()["TIMESTAMP"].max())
    assert (deployment.histories(["u1", "nobody"], None).now == end).all(), "a batch job knows the training alone"
    later = max(group.newest, end) + 5
    lab.send(lab.tracking, "u9", "i20", sentAt=later)
    lab.send(lab.tracking, "u9", "i21", sentAt=later - 1000)
    here, away = (deployment.histories([user], group) for user in ("u9", "u8"))
    assert here.now[0] == here.timestamps[-1] == later
    assert away.now[0] == later > away.timestamps[-1]
    assert is_running(here, 60)[0] and not is_running(away, 60)[0]
