"""A scorecard is recomputed from its samples; whatever is changed in either is found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tunesmith.artifacts import Identity, publish
from tunesmith.artifacts.folder import hash_file
from tunesmith.artifacts.scorecard import BODY, KIND, SAMPLES, ScorecardBody, write_samples
from tunesmith.errors import RunFailed, TunesmithError
from tunesmith.evaluate import arms, summary
from tunesmith.evaluate.confidence import Judging, judge_confidence
from tunesmith.evaluate.forgetting import forgetting
from tunesmith.evaluate.items import Item
from tunesmith.evaluate.measure import Wanted, measure
from tunesmith.evaluate.recheck import TOLERANCE, recheck
from tunesmith.recipe.confidence import Confidence
from tunesmith.recipe.metrics import Plain
from tunesmith.records import Message

LABELS = ["card", "loan", "refund", "other"]
SEED = 3
Suites = dict[str, tuple[summary.Judged, list[Item]]]


def item(
    number: int, suite: str, *, label: str | None = None, target: float | None = None, group: str | None = None
) -> Item:
    answer = label or (f"{target}" if target is not None else "yes")
    text = f"question {number}" if number % 3 else f"第 {number} 个问题是什么"
    return Item(
        id=f"{suite}{number}",
        suite=suite,
        prompt=(Message("user", text),),
        answer=Message("assistant", answer),
        accepted=(answer,),
        label=label,
        group=group,
        language="en" if number % 3 else "zh",
        kind=None if suite == "test" else "even" if number % 2 == 0 else "odd",
        target=target,
    )


def labelled(num: int, *, grouped: bool) -> dict[str, Suites]:
    rng = np.random.default_rng(1)
    items = [
        item(n, "test", label=LABELS[rng.integers(4)], group=f"d{n // 3}" if grouped else None) for n in range(num)
    ]
    general = [item(n, "general_en") for n in range(30)]
    found: dict[str, Suites] = {}
    for arm, share in (("base", 0.4), ("classic", 0.7), ("tuned", 0.8)):
        samples = []
        for one in items:
            told = one.label if rng.random() < share else LABELS[rng.integers(4)]
            sure = {} if arm == "classic" else {"confidence": float(rng.beta(4, 2))}
            samples.append(arms.label_sample(arm, one, one.prompt, told or "", sure))
        asked = [
            arms.text_sample(arm, one, Message("assistant", "yes" if rng.random() < share else "no")) for one in general
        ]
        found[arm] = {
            "test": (summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None), items),
            "general_en": (summary.judge(arms.Answers(tuple(asked), None, 1.0), general, None), general),
        }
    return found


def numbered(num: int) -> dict[str, Suites]:
    rng = np.random.default_rng(2)
    items = [item(n, "test", target=float(rng.normal(10, 3))) for n in range(num)]
    found: dict[str, Suites] = {}
    for arm, error in (("base", 3.0), ("tuned", 1.0)):
        samples = [arms.number_sample(arm, one, one.prompt, (one.target or 0) + rng.normal(0, error)) for one in items]
        found[arm] = {"test": (summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None), items)}
    return found


def body_of(judged: dict[str, Suites], task: Any, metric: str) -> ScorecardBody:
    items = judged["base"]["test"][1]
    groups = summary.groups_of(items)
    differences = summary.adjusted(
        [
            one
            for arm in judged
            if arm != "base"
            for one in summary.compare(
                "test", (arm, judged[arm]["test"][0]), ("base", judged["base"]["test"][0]), groups, SEED
            )
        ]
    )
    losses = [
        forgetting(suite, ("tuned", suites[0]), judged["base"][suite][0], suites[1], SEED)
        for suite, suites in judged["tuned"].items()
        if suite != "test"
    ]
    corrected = summary.adjusted([loss.difference for loss in losses])
    losses = [loss.model_copy(update={"difference": one}) for loss, one in zip(losses, corrected, strict=True)]
    target = next(one for one in differences if one.arm == "tuned" and one.metric == metric)
    samples = {arm: suites["test"][0].answers.samples for arm, suites in judged.items()}
    sure = judge_confidence(samples, {}, Judging(metric, {}, Confidence(map="none"), SEED, {}))
    chinese = np.array([one.language == "zh" for one in items])
    return ScorecardBody(
        task=task,
        metric=metric,
        num_items={suite: len(asked) for suite, (_, asked) in judged["base"].items()},
        arms=[summary.arm_of(arm, suites, LABELS if task == "labels" else (), SEED) for arm, suites in judged.items()],
        differences=differences,
        forgetting=losses,
        verdicts=[summary.conclude(metric, target, losses, 0.05, 0.02)],
        max_loss=0.05,
        labels=LABELS if task == "labels" else [],
        calibration=sure.tables,
        slices={
            "language": {
                "zh": {
                    arm: summary.estimate(
                        suites["test"][0].values[metric][chinese],
                        summary.groups_of([one for one in items if one.language == "zh"]),
                        SEED,
                    )
                    for arm, suites in judged.items()
                }
            }
        },
    )


def published(folder: Path, judged: dict[str, Suites], body: ScorecardBody) -> Path:
    identity = Identity(KIND, 1, {}, {}, SEED, {})
    with publish(folder, identity) as staging:
        write_samples(
            staging / SAMPLES,
            [s for suites in judged.values() for one, _ in suites.values() for s in one.answers.samples],
        )
        (staging / BODY).write_text(body.model_dump_json(indent=1), encoding="utf-8")
    return folder


@pytest.mark.thorough
@pytest.mark.thorough
@pytest.mark.thorough
@pytest.mark.parametrize("grouped", [False, True])
def test_labels_come_out_again(tmp_path: Path, grouped: bool) -> None:
    judged = labelled(60, grouped=grouped)
    found = recheck(published(tmp_path / "card", judged, body_of(judged, "labels", "accuracy")))
    assert found.largest < TOLERANCE
    assert found.num_samples == 3 * 90
    assert found.num_figures > 150
    assert found.unchecked == ()


@pytest.mark.thorough
@pytest.mark.parametrize("num_wrong", [0, 1, 2])
def test_scores_of_which_scipy_has_no_interval_come_out_again(tmp_path: Path, num_wrong: int) -> None:
    judged = labelled(24, grouped=False)
    items = judged["tuned"]["test"][1]
    told = [one.label or "" for one in items]
    told[:num_wrong] = ["nothing"] * num_wrong
    samples = [arms.label_sample("tuned", one, one.prompt, label) for one, label in zip(items, told, strict=True)]
    judged["tuned"]["test"] = (summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None), items)
    found = recheck(published(tmp_path / "card", judged, body_of(judged, "labels", "accuracy")))
    assert found.largest < TOLERANCE


@pytest.mark.thorough
def test_a_label_that_is_none_of_the_declared_ones_comes_out_again(tmp_path: Path) -> None:
    judged = labelled(60, grouped=False)
    items = [replace(one, label="new", answer=Message("assistant", "new")) for one in judged["base"]["test"][1][:9]]
    items += judged["base"]["test"][1][9:]
    wanted = Wanted("labels", "accuracy", (Plain(name="mcc"),), LABELS)
    for arm, suites in judged.items():
        told = [sample.answer for sample in suites["test"][0].answers.samples]
        told[7:12] = ["no idea"] * 5
        samples = [arms.label_sample(arm, one, one.prompt, label) for one, label in zip(items, told, strict=True)]
        found = {arm: {"test": summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None)}}
        measure(found, items, wanted)
        suites["test"] = (found[arm]["test"], items)
    body = body_of(judged, "labels", "accuracy")
    assert "mcc" in body.arms[0].metrics["test"]
    details = body.arms[0].details
    assert details is not None
    assert sum(sum(row.values()) for row in details.confusion.values()) == 60
    assert recheck(published(tmp_path / "card", judged, body)).largest < TOLERANCE


@pytest.mark.thorough
@pytest.mark.parametrize("num_groups", [1, 5])
def test_groups_that_are_all_alike_come_out_again(tmp_path: Path, num_groups: int) -> None:
    judged = labelled(20, grouped=True)
    items = [replace(one, group=f"d{place % num_groups}") for place, one in enumerate(judged["tuned"]["test"][1])]
    for arm, suites in judged.items():
        told = [one.label if arm == "tuned" else LABELS[0] for one in items]
        samples = [arms.label_sample(arm, one, one.prompt, label or "") for one, label in zip(items, told, strict=True)]
        suites["test"] = (summary.judge(arms.Answers(tuple(samples), None, 1.0), items, None), items)
    body = body_of(judged, "labels", "accuracy")
    accuracy = {arm.name: arm.metrics["test"]["accuracy"] for arm in body.arms}["tuned"]
    assert accuracy.value == 1.0
    assert accuracy.low is not None
    assert accuracy.low < 0.6
    assert recheck(published(tmp_path / "card", judged, body)).largest < TOLERANCE


@pytest.mark.thorough
def test_numbers_come_out_again(tmp_path: Path) -> None:
    judged = numbered(40)
    found = recheck(published(tmp_path / "card", judged, body_of(judged, "numbers", "mae")))
    assert found.largest < TOLERANCE
    assert found.unchecked == ()


@pytest.mark.thorough
def test_texts_come_out_again_with_several_samples_an_item_and_with_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    items = [item(n, "test") for n in range(40)]
    judged: dict[str, Suites] = {}
    for arm, share in (("base", 0.3), ("tuned", 0.6)):
        samples = [
            replace(
                arms.text_sample(arm, one, Message("assistant", "yes" if rng.random() < share else "no")), index=index
            )
            for one in items
            for index in range(3)
        ]
        answers = arms.Answers(tuple(samples), None, 1.0)
        judged[arm] = {
            "test": (
                summary.judge(answers, items, arms.Reading(rng.exponential(20.0, 40), rng.integers(1, 9, 40) * 1.0)),
                items,
            )
        }
    found = recheck(published(tmp_path / "card", judged, body_of(judged, "text", "exact_match")))
    assert found.largest < TOLERANCE
    assert found.unchecked == ()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "path",
    [
        ("arms", 2, "metrics", "test", "accuracy", "low"),
        ("arms", 0, "metrics", "test", "macro_f1", "value"),
        ("arms", 1, "metrics", "test", "macro_f1", "high"),
        ("differences", 0, "p_value"),
        ("differences", 1, "p_adjusted"),
        ("differences", 1, "detectable"),
        ("differences", 1, "high"),
        ("forgetting", 0, "difference", "mean"),
        ("forgetting", 0, "before", "high"),
        ("forgetting", 0, "kinds", 0, "after", "low"),
        ("forgetting", 0, "kinds", 1, "difference", "high"),
        ("forgetting", 0, "kinds", 1, "difference", "p_adjusted"),
        ("forgetting", 0, "num_cut_after"),
        ("verdicts", 0, "difference", "mean"),
        ("slices", "language", "zh", "tuned", "low"),
        ("calibration", "tuned", "label", "ece_of_calibrated"),
        ("calibration", "tuned", "label", "bins", 3, "low"),
        ("calibration", "base", "label", "risk", "0.5"),
        ("calibration", "base", "label", "p_value"),
        ("num_items", "test"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_a_figure_that_is_off_by_a_millionth_is_named(
    card: tuple[dict[str, Suites], Any], path: tuple[Any, ...], tmp_path: Path
) -> None:
    judged, body = card
    told = json.loads(json.dumps(body))
    place = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] += 1 if path[-1] in ("test", "num_cut_after") else 1e-6
    folder = published(tmp_path / "card", judged, ScorecardBody.model_validate(told))
    with pytest.raises(RunFailed) as caught:
        recheck(folder)
    assert caught.value.code == "recheck-differs"


@pytest.fixture(scope="module")
def card() -> tuple[dict[str, Suites], Any]:
    judged = labelled(30, grouped=False)
    return judged, body_of(judged, "labels", "accuracy").model_dump(mode="json")


def test_an_edited_sample_fails_its_hash(card: tuple[dict[str, Suites], Any], tmp_path: Path) -> None:
    judged, body = card
    folder = published(tmp_path / "card", judged, ScorecardBody.model_validate(body))
    file = folder / SAMPLES
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"accuracy": 0.0', '"accuracy": 1.0', 1), encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        recheck(folder)
    assert (caught.value.code, Path(caught.value.place.file).name) == ("artifact-damaged", SAMPLES)
    # with the hash made to fit, the figures give it away
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][SAMPLES] = {"sha256": hash_file(file), "num_bytes": file.stat().st_size}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(RunFailed) as caught:
        recheck(folder)
    assert caught.value.code == "recheck-differs"


def test_a_folder_without_a_scorecard_is_told(tmp_path: Path) -> None:
    with pytest.raises(TunesmithError) as caught:
        recheck(tmp_path)
    assert caught.value.code == "artifact-missing"
