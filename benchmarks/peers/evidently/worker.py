"""evidently's side of `drift`: a reference and a window a line, one JSON line of how many columns drifted in answer.

Runs in evidently's own environment and imports nothing of this project. A line is `{"reference": COLUMNS, "window":
COLUMNS}`, columns by their kind: `number`, `class`, `text`. The preset for drift of data judges them with its defaults.
The first line that is written is `{"versions": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def dataset_of(columns: dict[str, dict[str, list[Any]]]) -> Dataset:
    definition = DataDefinition(
        numerical_columns=list(columns["number"]),
        categorical_columns=list(columns["class"]),
        text_columns=list(columns["text"]),
    )
    frame = pd.DataFrame(columns["number"] | columns["class"] | columns["text"])
    return Dataset.from_pandas(frame, data_definition=definition)


def answer_of(asked: dict[str, Any]) -> dict[str, int]:
    report = Report([DataDriftPreset()])
    found = report.run(dataset_of(asked["window"]), dataset_of(asked["reference"])).dict()
    counts = [
        each["value"] for each in found["metrics"] if isinstance(each["value"], dict) and "share" in each["value"]
    ]
    num_columns = sum(map(len, asked["window"].values()))
    return {"num_columns": num_columns, "num_drifted": int(counts[0]["count"])}


def main() -> None:
    # libraries print to standard output; only the answers may reach the pipe
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    versions = {name: version(name) for name in ("evidently", "pandas", "scikit-learn")}
    print(json.dumps({"versions": versions}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer_of(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
