"""A certificate as lines, in both languages."""

from __future__ import annotations

import pytest

from tunesmith.artifacts.bundle import Certificate, FormFigures
from tunesmith.artifacts.figures import Difference
from tunesmith.cli.show_certificate import certificate_lines

METRIC = Difference(
    suite="test", metric="accuracy", arm="int8", against="tuned", mean=-0.001, low=-0.004, high=0.002, p_value=0.6, n=9
)
INT8 = FormFigures(
    form="int8",
    against="tuned",
    num_prompts=96,
    num_tokens=1200,
    token_agreement=0.9875,
    num_near_ties=4,
    num_same_answers=90,
    widest_parting=0.3,
    mean_kl=0.00123,
    max_logit_difference=0.4,
    max_gain_error=0.0002,
    metric=METRIC,
    num_bytes=1_040_000,
    tokens_per_second=61.24,
)
SERVED = INT8.model_copy(
    update={"form": "served", "mean_kl": None, "max_gain_error": None, "metric": None, "num_bytes": 2_000_000}
)
FOUND = Certificate(
    precision="bf16",
    device="cpu",
    num_threads=2,
    num_weights=1_000_000,
    prompts={"domain": 32, "general_en": 32, "general_zh": 32},
    limits={"mean_kl": 0.05},
    figures=[INT8, SERVED],
    served="int8",
    not_measured={"gguf": "engine"},
)


@pytest.mark.parametrize(
    ("language", "heading", "unmeasured"), [("en", "Token agreement", "not measured"), ("zh", "词元一致率", "未测量")]
)
def test_the_table_has_every_form_and_says_what_was_not_measured(language: str, heading: str, unmeasured: str) -> None:
    lines = certificate_lines(FOUND, language)
    head, int8, served, gguf = lines[2:6]
    assert heading in head
    cells = ["int8", "98.75% (1200, 4)", "90/96", "0.0012", "0.4", "0.0002", "-0.0010 [-0.0040, +0.0020]"]
    # a byte a weight beside four and two of them
    cells += ["1,040,000", "-74.0%", "-48.0%", "61.2"]
    assert [cell.strip() for cell in int8.split("  ") if cell.strip()] == cells
    assert [cell.strip() for cell in served.split("  ") if cell.strip()][3:8] == ["-", "0.4", "-", "-", "2,000,000"]
    assert served.startswith("served (int8)")
    assert unmeasured in gguf
    assert "domain 32" in lines[0]
    assert "mean_kl 0.05" in lines[-1]


@pytest.mark.parametrize(
    ("language", "over", "unrun", "how"),
    [("en", "over HTTP", "not run", "pip install 'tunesmith[gguf]'"), ("zh", "经 HTTP", "未运行", "tunesmith[gguf]")],
)
def test_what_was_asked_over_http_and_what_was_not_run_is_said(language: str, over: str, unrun: str, how: str) -> None:
    gguf = INT8.model_copy(update={"form": "gguf"})
    llama_cpp = INT8.model_copy(update={"form": "llama.cpp", "mean_kl": None, "max_logit_difference": None})
    found = FOUND.model_copy(
        update={"figures": [gguf, SERVED], "num_over_http": 96, "not_measured": {"llama.cpp": "llama-cpp"}}
    )
    lines = certificate_lines(found, language)
    assert lines[5].split() == ["llama.cpp", *unrun.split(), *["-"] * 9]
    notes = lines[7:]
    assert any(line.startswith("served") and over in line and "96" in line for line in notes)
    assert any(line.startswith("gguf") and "transformers" in line for line in notes)
    assert any(line.startswith("llama.cpp") and unrun in line and how in line for line in notes)
    heard = found.model_copy(update={"figures": [gguf, llama_cpp, SERVED], "not_measured": {}})
    row = [cell.strip() for cell in certificate_lines(heard, language)[4].split("  ") if cell.strip()]
    assert row[:6] == ["llama.cpp", "98.75% (1200, 4)", "90/96", "-", "-", "0.0002"]
    alone = FOUND.model_copy(update={"figures": [gguf], "served": None, "not_measured": {"served": "no-form"}})
    assert any(line.startswith("served") and "export.forms=" in line for line in certificate_lines(alone, language))


def test_an_adapter_is_no_smaller_model() -> None:
    """Nor is anything said to be saved where the number of weights is not known."""
    beside = INT8.model_copy(update={"form": "adapter"})
    for found in (
        FOUND.model_copy(update={"num_weights": 0}),
        FOUND.model_copy(update={"figures": [beside, SERVED], "served": "adapter"}),
    ):
        lines = certificate_lines(found, "en")[3:5]
        assert lines[1].startswith(f"served ({found.served})")
        for line in lines:
            cells = [cell.strip() for cell in line.split("  ") if cell.strip()]
            assert cells[8:10] == ["-", "-"]
