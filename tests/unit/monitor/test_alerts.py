"""What is told once, and once more when it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from alert_material import MONDAY, WEEK, body, figures, shift
from monitor_material import reference
from store_material import exchange, feedback

from tunesmith.artifacts.health import HealthBody
from tunesmith.errors import TunesmithError
from tunesmith.monitor.alerts import Alert, Source, alerts_of, open_findings
from tunesmith.monitor.features import FAMILIES, Features, features_of, joined
from tunesmith.monitor.run import Against, Answering, Looked, Seen, health
from tunesmith.monitor.said import Said, said_features
from tunesmith.monitor.windows import Window
from tunesmith.recipe.alerts import AlertRule, Alerts, FigureName
from tunesmith.recipe.file import read_recipe
from tunesmith.recipe.monitor import Monitor
from tunesmith.records import Message

ALL = Alerts()


def told(bodies: list[HealthBody], section: Alerts = ALL) -> list[list[Alert]]:
    """The alerts of each window, one after the other."""
    log: list[Alert] = []
    found = []
    for each in bodies:
        found.append(alerts_of(each, section, log, Source("bot", "health/1")))
        log += found[-1]
    return found


def states(found: list[list[Alert]]) -> list[list[str]]:
    return [[f"{alert.feature} {alert.state}" for alert in alerts] for alerts in found]


def test_a_finding_is_told_once_and_once_more_when_it_ends() -> None:
    weeks = [
        body(0, shift(is_alarm=False)),
        body(1, shift()),
        body(2, shift()),
        body(3, shift(is_alarm=False)),
        body(4, shift(is_alarm=False)),
        body(5, shift()),
    ]
    assert states(told(weeks)) == [[], ["length begun"], [], ["length ended"], [], ["length begun"]]


def test_a_window_that_is_looked_at_twice_tells_nothing_new() -> None:
    for week in (body(0, shift()), body(1, shift(is_alarm=False))):
        first = told([body(0, shift()), week, week])
        assert first[2] == []


def test_what_is_known_later_of_an_earlier_window_is_told_once() -> None:
    accuracy = shift("accuracy", "concept")
    before = [body(0), body(1, shift()), body(2, shift(is_alarm=False))]
    # corrections that came late show a fall of the first week; the last one has none to tell of
    after = [body(0, accuracy), body(1, shift()), body(2, shift(is_alarm=False))]
    assert states(told([*before, *after, *after])) == [
        [],
        ["length begun"],
        ["length ended"],
        ["accuracy begun"],
        *[[]] * 5,
    ]
    log = [alert for alerts in told([*before, *after]) for alert in alerts]
    assert {finding.feature for finding in open_findings(log, "support-bot")} == {"accuracy"}


def test_a_finding_that_later_turns_out_to_have_ended_ends_where_it_did() -> None:
    fell, rose = shift("accuracy", "concept"), shift("accuracy", "concept", is_alarm=False)
    found = told([body(0, fell), body(1, fell), body(2, fell), body(1, rose), body(2, fell), body(2, rose)])
    assert states(found) == [["accuracy begun"], [], [], ["accuracy ended"], ["accuracy begun"], ["accuracy ended"]]
    # what is open in a later window says nothing of an earlier one
    assert states(told([body(0), body(1, fell), body(0, fell), body(1, fell)])) == [
        [],
        ["accuracy begun"],
        ["accuracy begun"],
        [],
    ]
    # told before, and not again
    assert states(told([body(0, fell), body(0, rose), body(0, fell)])) == [["accuracy begun"], ["accuracy ended"], []]


def test_a_fall_of_accuracy_is_told_where_it_is_found_and_never_as_over() -> None:
    """The answers stay as bad as they became: nothing falls any more, and nothing is right again."""
    fell, stays = (shift("accuracy_over_time", "concept", is_alarm=is_alarm) for is_alarm in (True, False))
    found = told([body(0, stays), body(1, fell), body(2, stays), body(3, fell), body(3, fell), body(4, stays)])
    assert states(found) == [[], ["accuracy_over_time begun"], [], ["accuracy_over_time begun"], [], []]


def test_each_feature_is_a_finding_of_its_own() -> None:
    found = told([body(0, shift("length"), shift("label", "output")), body(1, shift("length", is_alarm=False))])
    assert states(found) == [["length begun", "label begun"], ["length ended"]]
    assert [alert.code for alert in found[0]] == ["drift", "drift"]


def test_findings_of_two_models_are_apart() -> None:
    found = told([body(0, shift()), body(0, shift(), model="other"), body(1, shift(is_alarm=False), model="other")])
    assert states(found) == [["length begun"], ["length begun"], ["length ended"]]
    log = [alert for alerts in found for alert in alerts]
    assert {finding.feature for finding in open_findings(log, "support-bot")} == {"length"}
    assert open_findings(log, "other") == set()


def test_a_window_with_too_few_exchanges_begins_and_ends_nothing() -> None:
    weeks = [body(0, shift(), is_judged=False), body(1, shift()), body(2, is_judged=False, num_exchanges=0)]
    rule = Alerts(rules=(AlertRule(figure="timeout_share", above=0.1),))
    few = body(3, shift(is_alarm=False), is_judged=False, figures=figures(timeout_share=1.0))
    assert states(told([*weeks, few], rule)) == [[], ["length begun"], [], []]


def test_that_nobody_asks_any_more_is_told_of_an_empty_window() -> None:
    section = Alerts(rules=(AlertRule(figure="exchanges_per_day", below=10.0),))
    weeks = [
        body(0, figures=figures(exchanges_per_day=28.0)),
        body(1, num_exchanges=0, is_judged=False, figures=figures(exchanges_per_day=0.0)),
        body(2, figures=figures(exchanges_per_day=30.0)),
    ]
    assert states(told(weeks, section)) == [[], ["exchanges_per_day begun"], ["exchanges_per_day ended"]]


def test_the_figures_that_a_rule_may_name_are_those_of_health_reports(tmp_path: Path) -> None:
    answer = Message("assistant", "yes, of course", reasoning="hm")
    asked = [exchange(number, answer=answer, confidence=0.9) for number in range(3)]
    said = {
        asked[0].id: [feedback(1, asked[0]), feedback(2, asked[0], kind="rating", value=4)],
        asked[1].id: [feedback(3, asked[1], kind="correction", value=None, text="no")],
    }
    features = joined([features_of(asked, {}), Features({"bits_per_byte": np.ones(3), "distance": np.ones(3)})])
    seen = Seen(Window(MONDAY, MONDAY + WEEK), 3, Looked(features), said_features(asked, Said(said, {}), 3))
    against = Against(reference(tmp_path / "reference", num=60), (), ())
    found = health(seen, Answering("support-bot", "0" * 16), against, Monitor(), seed=0)
    assert {figure.name for figure in found.figures} == set(get_args(FigureName))


def test_only_the_findings_that_are_asked_for_are_told() -> None:
    shifts = (shift("length"), shift("rating", "quality"), shift("accuracy", "concept"))
    (found,) = told([body(0, *shifts)], Alerts(on=("concept",)))
    assert [(alert.code, alert.feature) for alert in found] == [("concept", "accuracy")]
    (every,) = told([body(0, *shifts)])
    assert [alert.code for alert in every] == ["drift", "quality", "concept"]
    assert told([body(0, *shifts)], Alerts(on=())) == [[]]


def test_a_rule_holds_a_figure_against_its_bounds() -> None:
    section = Alerts(rules=(AlertRule(figure="latency_p95_seconds", above=2.0, below=0.1),))
    values = [1.0, 2.0, 2.5, 3.0, None, 0.05, 0.5]
    found = told([body(week, figures=figures(latency_p95_seconds=value)) for week, value in enumerate(values)], section)
    assert [[(alert.code, alert.state, alert.value, alert.limit) for alert in alerts] for alerts in found] == [
        [],
        [],  # at the bound, not beyond it
        [("above", "begun", 2.5, 2.0)],
        [],
        [],  # nothing is told of it
        [("above", "ended", 0.05, 2.0), ("below", "begun", 0.05, 0.1)],
        [("below", "ended", 0.5, 0.1)],
    ]


def test_two_bounds_of_one_figure_are_two_findings_and_one_written_twice_is_one() -> None:
    rules = [AlertRule(figure="timeout_share", above=bound) for bound in (0.1, 0.5, 0.1)]
    weeks = [body(week, figures=figures(timeout_share=value)) for week, value in enumerate((0.2, 0.6, 0.3))]
    found = told(weeks, Alerts(rules=tuple(rules)))
    assert [[(alert.limit, alert.state) for alert in alerts] for alerts in found] == [
        [(0.1, "begun")],
        [(0.5, "begun")],
        [(0.5, "ended")],
    ]


def test_an_alert_is_plain_json_with_all_that_is_known_in_both_languages() -> None:
    ((alert,),) = told([body(1, shift())])
    written = json.loads(alert.model_dump_json())
    assert written == {
        "id": alert.id,
        "code": "drift",
        "state": "begun",
        "recipe": "bot",
        "model": "support-bot",
        "bundle": "0123456789abcdef",
        "window": {"since": "2026-03-09T00:00:00Z", "until": "2026-03-16T00:00:00Z"},
        "feature": "length",
        "effect": 0.25,
        "p_value": 0.0001,
        "value": None,
        "limit": None,
        "text": {
            "en": "support-bot, 2026-03-09 00:00 to 2026-03-16 00:00: drift in “Length of the question (characters)” "
            "(effect 0.25, p 0.0001)",
            "zh": "support-bot，2026-03-09 00:00 至 2026-03-16 00:00：“提问长度（字符）”出现漂移"
            "（效应量 0.25，p 值 0.0001）",
        },
        "report": "health/1",
    }
    assert Alert.model_validate_json(alert.model_dump_json()) == alert


def test_every_feature_and_every_figure_can_be_told() -> None:
    shifts = [shift(feature, family) for feature, family in FAMILIES.items()]
    names = get_args(FigureName)
    rules = tuple(AlertRule(figure=name, above=0.5, below=2.0) for name in names)
    (found,) = told([body(0, *shifts, figures=figures(**dict.fromkeys(names, 1.0)))], Alerts(rules=rules))
    assert len(found) == len(FAMILIES) + 2 * len(names)
    assert all(alert.text["en"] != alert.text["zh"] for alert in found)


def test_ids_are_of_what_an_alert_is_about() -> None:
    weeks = [body(0, shift()), body(1, shift(is_alarm=False)), body(2, shift("label", "output"), shift())]
    ids = [alert.id for alerts in told(weeks) for alert in alerts]
    assert len(set(ids)) == len(ids) == 4
    assert ids == [alert.id for alerts in told(weeks) for alert in alerts]


RECIPE = "name: bot\nprepare: {sources: rows.jsonl}\nmonitor: {alerts: %s}\n"


@pytest.mark.parametrize(
    ("alerts", "code", "said"),
    [
        ("{rules: [{figure: latency_p95, above: 1}]}", "recipe-choice", "`latency_p95_seconds`"),
        ("{rules: [{figure: thumbs_down, above: 0.5}]}", "recipe-choice", "`thumbs_down_share`"),
        ("{rules: [{figure: moon, above: 0.5}]}", "recipe-value", "latency_p50_seconds"),
        ("{rules: [{figure: timeout_share}]}", "recipe-value", "`above` or `below`"),
        ("{webhook: {url: 'http://a.example/'}}", "recipe-value", "https://"),
        ("{webhook: {url: 'ftp://a.example/'}}", "recipe-value", "address"),
        ("{webhook: {url: 'https://user:word@a.example/'}}", "recipe-value", "address"),
        ("{webhook: {url: 'https://a.example:port/'}}", "recipe-value", "address"),
        ("{webhook: {url: 'https:///hook'}}", "recipe-value", "address"),
        ("{webhook: {url: 'https://a.example/#part'}}", "recipe-value", "address"),
        ('{webhook: {url: "https://a.example/\\r\\nX: y"}}', "recipe-value", "address"),
        ("{webhook: {url: 'https://例.example/'}}", "recipe-value", "address"),
    ],
)
def test_a_mistake_in_the_recipe_is_told_at_the_border(alerts: str, code: str, said: str) -> None:
    with pytest.raises(TunesmithError) as refused:
        read_recipe(RECIPE % alerts, "recipe.yaml")
    assert refused.value.code == code
    assert said in refused.value.message() + refused.value.hint()
    assert refused.value.message("zh") != refused.value.message()


def test_an_address_of_ones_own_needs_a_word_and_no_encryption() -> None:
    url = "http://10.0.0.7:9000/hook?to=team"
    webhook = read_recipe(
        RECIPE % f"{{webhook: {{url: '{url}', private: true}}}}", "recipe.yaml"
    ).monitor.alerts.webhook
    assert webhook is not None
    assert (webhook.url, webhook.private) == (url, True)
