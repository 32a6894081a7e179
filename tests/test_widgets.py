"""The test console without a browser: what it asks, what it shows, what it says when something is wrong."""

import pytest
from personalize_lab import open_lab

from helpers import personalize, widgets
from helpers.errors import InputError


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    lab = open_lab(tmp_path_factory.mktemp("widgets") / "home").shop()
    lab.campaign("aws-popularity-count", "popular")
    lab.campaign("local-content-based", "content")
    lab.filter("by-genre", 'INCLUDE ItemID WHERE Items.GENRE IN ($GENRE) | EXCLUDE ItemID WHERE Items.GENRE IN ("$not")')
    yield personalize.connect(lab.service.handle)
    lab.service.close()


def test_placeholders_become_fields_and_typed_words_become_values(shop):
    assert widgets.placeholders('A IN ($X) AND B < $Y OR C = $X AND D = "$Z"') == ["X", "Y"]
    assert widgets.quoted('tea, "black cup",') == '"tea","black cup"'
    console = widgets.test_campaign(shop)
    console.filter.value = console.filter.options[1][1]
    (box,) = console.values.children
    box.value = "cup"
    console.button.click()
    assert console.parameters()["filterValues"] == {"GENRE": '"cup"'}
    assert "i01" in console.result.value and "i02" not in console.result.value
    console.filter.value = None
    assert console.values.children == ()


def test_the_answer_has_titles_that_cannot_break_the_page(shop):
    console = widgets.test_campaign(shop, {"i00": "<script>alert(1)</script>"})
    console.button.click()
    assert "&lt;script&gt;" in console.result.value and "<script>" not in console.result.value
    assert console.result.value.count("<tr") == 26 and "score" not in console.result.value


def test_a_refusal_is_shown_in_the_services_words(shop):
    console = widgets.test_campaign(shop)
    console.campaign.value = dict(console.campaign.options)["content"]
    console.button.click()
    assert "userId is required" in console.result.value
    console.user.value = "  u1 "
    console.context[0][0].value, console.context[0][1].value = "DEVICE", "phone"
    console.button.click()
    assert console.result.value.count("<tr") == 26
    assert console.parameters() == {
        "campaignArn": console.campaign.value,
        "userId": "u1",
        "context": {"DEVICE": "phone"},
        "numResults": 25,
    }


def test_the_static_twin_gives_the_same_answer(shop):
    console = widgets.test_campaign(shop, {"i00": "Tea"})
    console.button.click()
    frame = widgets.campaign_table(shop, console.parameters(), {"i00": "Tea"})
    assert widgets.campaign_html(frame) == console.result.value
    assert frame.loc[frame["item"] == "i00", "title"].tolist() == ["Tea"] and frame.index[0] == 1
    with pytest.raises(InputError, match="Could not find"):
        widgets.campaign_table(shop, {"campaignArn": console.campaign.value + "x"})


def test_without_a_campaign_the_console_says_so(tmp_path):
    with open_lab(tmp_path / "home").service as service:
        console = widgets.test_campaign(personalize.connect(service.handle))
        console.button.click()
        assert "no ACTIVE campaign" in console.result.value
