"""The page of what was measured, from the newest result of each benchmark under `benchmarks/results`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from benchmarks.outcome import Goal
from benchmarks.run import FOLDER, NAMES, table_text

RESULTS: Final = FOLDER / "results"
WORDS: Final = {
    "en": {
        "title": "# What was measured",
        "introduction": "Made by `make reference` from the newest result of each benchmark under `benchmarks/results`; "
        "not edited by hand. What each benchmark compares, and how: [how speed is measured](benchmarks.md).",
        "machine": "{date}, {cpu}, {cores} cores, {load}; Python {python}{torch}.",
        "idle": "idle before the run",
        "busy": "with a load of {load} before the run",
        "void": "The run is void: {reasons}.",
        "goals": "| figure | goal | measured | met |",
        "yes": "yes",
        "no": "no",
    },
    "zh": {
        "title": "# 实测结果",
        "introduction": "本页由 `make reference` 根据 `benchmarks/results` 下每个基准测试最新的结果生成，请勿手工修改。"
        "每个基准测试比较什么、怎样比较，见[速度如何测量](benchmarks.md)。",
        "machine": "{date}，{cpu}，{cores} 核，{load}；Python {python}{torch}。",
        "idle": "运行前机器空闲",
        "busy": "运行前负载为 {load}",
        "void": "本次运行作废：{reasons}。",
        "goals": "| 指标 | 目标 | 实测 | 达到 |",
        "yes": "是",
        "no": "否",
    },
}


def results_page(language: str, folder: Path = RESULTS) -> str:
    """The whole page in one language: benchmarks in the order in which `benchmarks.run` lists them."""
    words = WORDS[language]
    parts = [words["title"], "", words["introduction"]]
    for name in NAMES:
        files = sorted(folder.glob(f"{name}-*-[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9].json"))
        if files:
            newest = max(files, key=lambda file: file.stem[-len("2000-01-01") :])
            parts += ["", *_section(json.loads(newest.read_text(encoding="utf-8")), words)]
    return "\n".join(parts) + "\n"


def _section(record: dict[str, Any], words: dict[str, str]) -> list[str]:
    hardware, versions = record["hardware"], record["versions"]
    machine = words["machine"].format(
        date=record["date"],
        cpu=hardware["cpu"],
        cores=hardware["num_cores"],
        load=words["idle" if hardware["is_idle"] else "busy"].format(load=hardware["load_1min_before"]),
        python=versions["python"],
        torch=f", torch {versions['torch']}",
    )
    lines = [f"## `{record['benchmark']}`", "", machine]
    if record["void"]:
        lines += ["", words["void"].format(reasons="; ".join(record["void"]))]
    lines += ["", "```text", table_text(record["table"]), "```", "", words["goals"], "|---|---|---|---|"]
    for figure, bounds in record["goals"].items():
        measured = record["figures"].get(figure)
        shown, is_met = ("-", False) if measured is None else (f"{measured:.4g}", Goal(**bounds).is_met(measured))
        lines.append(f"| `{figure}` | {Goal(**bounds)} | {shown} | {words['yes' if is_met else 'no']} |")
    return lines
