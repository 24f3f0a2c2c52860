"""The notebook runs from top to bottom on the embedded base and shows what its text promises."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tunesmith.model.base import BUILTIN

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install -e .[dev]")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install -e .[dev]")

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "medical_before_after.ipynb"
RECIPE = NOTEBOOK.parents[1] / "recipes" / "medical_o1.yaml"
SIGNS = {
    "fever": "an infection",
    "back pain": "a strained muscle",
    "a dry cough": "a cold",
    "itching": "an allergy",
    "thirst": "high blood sugar",
    "dizziness": "low blood pressure",
}


def medical_rows(file: Path) -> Path:
    """Rows of our own in the columns of medical-o1-reasoning-SFT."""
    rows = [
        {
            "Question": f"A {age}-year-old has {sign} for {days} days. What is the likely cause?",
            "Complex_CoT": f"The sign is {sign}. {days} days is short. The common cause of {sign} is {cause}.",
            "Response": f"The likely cause is {cause}.",
        }
        for sign, cause in SIGNS.items()
        for age, days in ((31, 2), (44, 3), (58, 5), (67, 4))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def with_parameters(notebook: Any, **parameters: Any) -> Any:
    """The notebook with other values after its cell of parameters."""
    place = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(source))
    return notebook


def shown(notebook: Any) -> list[str]:
    """What each code cell printed or displayed."""
    return [
        "".join(output.get("text", "") or output.get("data", {}).get("text/markdown", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


# the kernel's own sockets are loopback; its client leaves one to the collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_the_notebook_tells_the_medical_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    few = ["train.max_steps=12", "train.batch_rows=6", "train.trackers=[]", "evaluate.general_suite=false"]
    notebook = with_parameters(
        nbformat.read(NOTEBOOK, as_version=4),
        RECIPE=str(RECIPE),
        BASE=BUILTIN,
        DATA=str(medical_rows(tmp_path / "rows.jsonl")),
        OVERRIDES=[*few, "prepare.test_share=0.25", "evaluate.decoding.max_new_tokens=48"],
        WORKSPACE=str(tmp_path / "workspace"),
    )
    nbclient.NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    text = shown(notebook)
    everything = "\n".join(text)
    assert "24 rows read = 24 kept + 0 rejected" in everything
    assert re.search(r"⟦<think>\nThe sign is .*\n</think>\n\nThe likely cause is .*<\|im_end\|>⟧", everything)
    losses = [float(loss) for loss in re.findall(r"eval/loss (\d\.\d+)", everything)]
    assert losses[-1] < losses[0]
    story = next(page for page in text if "**After" in page)
    parts = ["**Question · 问题**", "**Before · 微调前**", "**After · 微调后**", "**Reference · 参考答案**"]
    assert [story.index(part) for part in parts] == sorted(story.index(part) for part in parts)
    assert re.search(r"Bits per byte.* against the base, 95% interval, n = 6", everything)
    assert Path(text[-1].strip()).read_text(encoding="utf-8").startswith("<!")


def test_the_notebook_is_kept_without_output() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs or cell.execution_count for cell in cells if cell.outputs or cell.execution_count] == []


def test_every_text_of_the_notebook_is_in_both_languages() -> None:
    texts = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "markdown"]
    faults = [text[:40] for text in texts if not re.search(r"[\u4e00-\u9fff]", text.partition("\n\n#")[2])]
    assert faults == []
