from __future__ import annotations

from pathlib import Path

from tunesmith.artifacts import QualityReport, open_run
from tunesmith.artifacts.quality import Criterion, Part, Representativeness
from tunesmith.artifacts.scorecard import Arm, Difference, Estimate, Forgetting, ScorecardBody, Verdict
from tunesmith.cli.show import before_after_lines, quality_lines, recheck_lines, run_rows, scorecard_lines
from tunesmith.evaluate.recheck import Recheck
from tunesmith.runtime import utc_now


def difference(arm: str, against: str, mean: float, low: float, high: float, suite: str = "test") -> Difference:
    return Difference(
        suite=suite, metric="accuracy", arm=arm, against=against, mean=mean, low=low, high=high, p_value=0.01, n=40
    )


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.1, high=value + 0.1, n=40)


def body(tuned_against_classic: Difference) -> ScorecardBody:
    arms = [
        Arm(name="base", metrics={"test": {"accuracy": estimate(0.5)}}, seconds=1.25),
        Arm(name="classic", metrics={"test": {"accuracy": estimate(0.8)}}, seconds=0.5),
        Arm(
            name="tuned",
            metrics={"test": {"macro_f1": Estimate(value=0.6, n=40), "accuracy": estimate(0.7)}},
            seconds=2,
        ),
    ]
    gain = difference("tuned", "base", 0.2, 0.05, 0.35)
    lost = Forgetting(
        suite="general_en",
        arm="tuned",
        before=estimate(0.9),
        after=estimate(0.85),
        difference=difference("tuned", "base", -0.05, -0.08, -0.02, "general_en"),
        lost=[],
        won=[],
    )
    return ScorecardBody(
        task="labels",
        metric="accuracy",
        num_items={"test": 40},
        arms=arms,
        differences=[gain, tuned_against_classic],
        forgetting=[lost],
        verdicts=[
            Verdict(
                word="better_with_losses",
                arm="tuned",
                metric="accuracy",
                difference=gain,
                reasons=[("verdict.reason.detectable", {"n": 1040, "detectable": 0.21234})],
            )
        ],
        max_loss=0.05,
    )


def test_the_table_has_the_verdict_s_metric_first_and_a_dash_where_an_arm_has_none() -> None:
    lines = scorecard_lines(body(difference("tuned", "classic", -0.1, -0.2, -0.01)), "en")
    assert lines[0].split("  ", 1)[1].split()[0] == "Accuracy"
    base = next(line for line in lines if line.startswith("Base model"))
    assert base.split() == ["Base", "model", "0.500", "[0.400,", "0.600]", "-", "1.2"]
    tuned = next(line for line in lines if line.startswith("Tuned model "))
    assert tuned.split()[2:] == ["0.700", "[0.600,", "0.800]", "0.600", "2.0"]
    assert any("0.900 -> 0.850, -0.050 [-0.080, -0.020]" in line for line in lines)
    assert any("+0.200 [+0.050, +0.350] against the base, 95% interval, n = 40" in line for line in lines)
    assert any("With 1,040 items this test can detect a true difference of 0.2123 or more" in line for line in lines)


def test_what_the_verdict_is_against_has_its_name() -> None:
    found = body(difference("tuned", "classic", -0.1, -0.2, -0.01))
    beside = found.verdicts[0].model_copy(update={"difference": found.differences[1]})
    found = found.model_copy(update={"verdicts": [beside]})
    line = "Accuracy -0.100 [-0.200, -0.010] against Classic baseline, 95% interval, n = 40"
    assert any(line in each for each in scorecard_lines(found, "en"))
    assert any("相对传统方法基线 -0.100" in each for each in scorecard_lines(found, "zh"))


def test_a_loss_against_a_baseline_is_said_only_when_it_is_sure() -> None:
    sure = "\n".join(scorecard_lines(body(difference("tuned", "classic", -0.1, -0.2, -0.01)), "en"))
    unsure = "\n".join(scorecard_lines(body(difference("tuned", "classic", -0.1, -0.2, 0.01)), "en"))
    assert "but it loses to Classic baseline (-0.100)" in sure
    assert "loses to" not in unsure


def test_chinese_columns_stand_under_each_other() -> None:
    """A Chinese character is two columns wide: the figures start at equal columns when each counts two."""
    lines = scorecard_lines(body(difference("tuned", "classic", 0.0, -0.1, 0.1)), "zh")
    rows = [line for line in lines[:4] if "[" in line]
    starts = {len(line[: line.index("0.")].encode("gbk")) for line in rows}
    assert len(rows) == 3
    assert len(starts) == 1


def test_before_and_after_show_thinking_apart() -> None:
    answers = {"base": {"reasoning": None, "answer": "No."}, "tuned": {"reasoning": "6 x 7", "answer": "42"}}
    pair = {"prompt": "6 x 7?", "reference": "42", "answers": answers}
    assert before_after_lines([pair], "en") == [
        "▸ 6 x 7?",
        "  Base model: No.",
        "  Tuned model: (6 x 7) 42",
        "  Reference: 42",
    ]


def test_what_was_said_cannot_steer_the_terminal() -> None:
    answers = {"tuned": {"reasoning": "hm\x1b[2J", "answer": "gone\x1b]0;title\x07\rback\nnext 下一行"}}
    pair = {"prompt": "\x9b31m?", "reference": "\x08", "answers": answers}
    assert before_after_lines([pair], "en") == [
        "▸ \ufffd31m?",
        "  Tuned model: (hm\ufffd[2J) gone\ufffd]0;title\ufffd\ufffdback\nnext 下一行",
        "  Reference: \ufffd",
    ]


def test_runs_have_their_newest_state(tmp_path: Path) -> None:
    with open_run(tmp_path / "one", "name: one\n", utc_now) as run:
        run.set_state("running")
        run.set_state("paused")
    with open_run(tmp_path / "two", "name: two\n", utc_now):
        pass
    assert run_rows(tmp_path) == [
        {"run": str(tmp_path / "one"), "state": "paused"},
        {"run": str(tmp_path / "two"), "state": "queued"},
    ]
    assert run_rows(tmp_path / "nowhere") == []


def test_the_3c_score_is_three_numbers_and_what_lowers_them() -> None:
    part = Part(score=0.9, judged=20, faulty=2)
    expected = Representativeness(
        expected="served.csv",
        texts=40,
        rows=90,
        covered=0.725,
        covered_if_alike=0.95,
        similarity=0.3,
        distance=0.01,
        p_value=0.002,
        regions=[],
    )
    report = QualityReport(
        consistency=Criterion(score=0.9, parts={"labels": part, "format": Part(score=1, judged=9, faulty=0)}, worst=[]),
        completeness=Criterion(score=1.0, parts={}, worst=[]),
        correctness=Criterion(score=None, parts={}, worst=[]),
        coverage={},
        representativeness=expected,
    )
    score, fault, covered = quality_lines(report, "en")
    assert "consistency 0.900, completeness 1.000, correctness not judged" in score
    assert fault.split() == ["2", "near-duplicates", "with", "another", "label", "(0.900)"]
    assert "72.5% of 40 expected inputs" in covered
    assert "p = 0.002" in covered
    assert "一致性 0.900，完整性 1.000，正确性 未评估" in quality_lines(report, "zh")[0]
    assert report.numbers == {"consistency": 0.9, "completeness": 1.0, "correctness": None, "representativeness": 0.725}


def test_a_recheck_names_the_largest_difference_and_what_was_left_out() -> None:
    found = Recheck(312, 6160, 2.2e-16, "tuned test accuracy low", ("tuned test perplexity",))
    said, left = recheck_lines(found, "en")
    assert said.startswith("312 figures computed again from 6,160 samples")
    assert "2.2e-16 (tuned test accuracy low)" in said
    assert left.endswith("tuned test perplexity")
    assert len(recheck_lines(Recheck(1, 1, 0.0, "-", ()), "zh")) == 1
