"""A workspace in which a person stands everywhere: raw rows, datasets, a FeedbackSet, models, runs, cache and store."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from safetensors.numpy import save_file
from store_material import exchange, feedback

from tunesmith.artifacts import Dataset, Identity, publish
from tunesmith.artifacts.bundle import BODY, BaseOfBundle, BundleBody
from tunesmith.artifacts.feedback_set import BODY as FEEDBACK_BODY
from tunesmith.artifacts.feedback_set import FeedbackBody
from tunesmith.artifacts.run import open_run
from tunesmith.model.base import find_base
from tunesmith.prepare import identity, prepare
from tunesmith.recipe import Prepare
from tunesmith.records import SPLITS
from tunesmith.runtime import Runtime, Silent
from tunesmith.store import Store, add_version, set_alias

NAME, MAIL, CHINESE = "Maria Keller", "maria.keller@example.org", "李小娜"
WORDS = (NAME, MAIL, CHINESE)
SUBJECT = "customer-7731"
GOODS = ("kettle", "lamp", "tent", "jacket", "oven", "toaster", "heater", "phone")
BASE = "ab" * 32


@dataclass(frozen=True)
class World:
    """What the tests look for again."""

    runtime: Runtime
    store: Store
    rows: Path
    table: Path
    dataset: Dataset
    other: Dataset
    """Of rows without the person."""
    feedback_set: Path
    model: str
    bundle: Path
    other_bundle: Path
    scorecard: Path
    run: Path
    cached: Path
    exchange: str
    """Of the person; the one after it is somebody else's."""


def jsonl(file: Path, rows: list[dict[str, Any]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


def raw_rows() -> list[dict[str, str]]:
    """40 questions. In row 5 the person is named, in row 9 only in a column that is no part of the conversation."""
    rows = [
        {"question": f"Order {number}: where is my {GOODS[number % 8]}?", "answer": f"Parcel {number} leaves soon."}
        for number in range(1, 41)
    ]
    rows[4]["question"] += f" {NAME}, {MAIL}"
    rows[8]["customer"] = MAIL
    return rows


def prepared(runtime: Runtime, *sources: Path, **section: Any) -> Dataset:
    settings = Prepare.model_validate({"sources": list(map(str, sources)), "test_share": 0.2, **section})
    out = runtime.workspace / "artifacts" / "dataset" / identity(settings, 0).key()
    return prepare(settings, seed=0, runtime=runtime, progress=Silent(), out=out)


def published(runtime: Runtime, kind: str, inputs: dict[str, str], files: dict[str, bytes], *, seed: int = 0) -> Path:
    made = Identity(kind, 1, inputs, {}, seed, {})
    out = runtime.workspace / "artifacts" / kind / made.key()
    with publish(out, made) as staging:
        for name, content in files.items():
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).write_bytes(content)
    return out


def trained(runtime: Runtime, dataset: str, *, base: str = BASE, name: str = "desk", **more: str) -> tuple[Path, Path]:
    """A TunedModel and its Bundle; the weights are those of the embedded base."""
    inputs = {"dataset": dataset, "base": base, "template": "c" * 16, **more}
    tiny = find_base("builtin:tiny").folder
    weights = {f"weights/{file.name}": file.read_bytes() for file in tiny.iterdir() if file.is_file()}
    model = published(runtime, "tuned_model", inputs, {**weights, "weights/dataset.json": json.dumps(dataset).encode()})
    published(runtime, "plan", inputs, {"plan.json": b"{}"})
    body = BundleBody(
        name=name,
        arm="tuned",
        task="text",
        precision="fp32",
        base=BaseOfBundle(reference="builtin:tiny", sha256=base, model_type="qwen2"),
        tuned_model=model.name,
        dataset=dataset,
        scorecard=None,
        forms=[],
    )
    shipped = published(
        runtime,
        "bundle",
        {"model": model.name, "dataset": dataset, "base": base, "scorecard": ""},
        {BODY: body.model_dump_json().encode()},
    )
    return model, shipped


def make_world(folder: Path, runtime: Runtime, store: Store) -> World:
    rows = jsonl(folder / "data" / "rows.jsonl", raw_rows())
    table = folder / "data" / "table.csv"
    table.write_text(
        f'question,answer\n"Is my sofa\nthere, {CHINESE}?",Yes it is.\nWhere is the shelf?,On its way.\n',
        encoding="utf-8",
    )
    own = exchange(1, subject=SUBJECT)
    other = exchange(2, subject="customer-1000")
    learned = published(
        runtime,
        "feedback_set",
        {"exchanges": "0" * 64},
        {
            "rows.jsonl": b"".join(
                json.dumps(
                    {
                        "messages": [
                            {"role": "user", "content": f"Is parcel {each.id[-1]} late?"},
                            {"role": "assistant", "content": "It is, by a day."},
                        ],
                        "exchange": each.id,
                        "feedback": f"fb-{number:024x}",
                    }
                ).encode()
                + b"\n"
                for number, each in ((21, own), (23, other))
            ),
            "preferences.jsonl": b"",
            "ratings.jsonl": b"",
            FEEDBACK_BODY: FeedbackBody(num_rows=2, num_preferences=0, num_ratings=0, num_feedback=2)
            .model_dump_json()
            .encode(),
        },
    )
    dataset = prepared(runtime, rows, table, learned / "rows.jsonl")
    clean = prepared(runtime, jsonl(folder / "data" / "clean.jsonl", raw_rows()[10:]))
    model, bundle = trained(runtime, dataset.key)
    _, other_bundle = trained(runtime, clean.key, name="clean")
    rows_of_all = [row for split in SPLITS for row in dataset.rows(split)]
    (item,) = (row.id for row in rows_of_all if "Order 9:" in row.messages[0].content)
    sample = {"item": item, "answer": "soon"}
    scorecard = published(
        runtime, "scorecard", {"dataset": dataset.key}, {"samples.jsonl": json.dumps(sample).encode() + b"\n"}
    )
    run = runtime.workspace / "runs" / "desk-12345678"
    with open_run(run, "name: desk\n", runtime.clock) as record:
        record.record("artifact", kind="tuned_model", key=model.name)
        record.record("sample", item="a", text=f"Dear {NAME}")
    (run / "report.html").write_text(f"<p>{base64.b64encode(f'..{MAIL}..'.encode()).decode()}</p>")
    (run / "card.md").write_text("a card of nobody\n")
    names = np.frombuffer("\n".join(row.id for row in rows_of_all).encode(), dtype=np.uint8)
    cached = runtime.cache / "rendered-1.safetensors"
    save_file({"names": names}, cached)
    (runtime.cache / "replies").mkdir()
    (runtime.cache / "replies" / "1.json").write_text(json.dumps({"reply": CHINESE}))
    jsonl(runtime.workspace / "alerts.jsonl", [{"url": f"/?who={quote(MAIL)}"}, {"url": "/"}])
    for each in (own, other):
        store.record(each).result()
    store.add_feedback(feedback(21, own)).result()
    store.add_feedback(feedback(22, other, kind="comment", value=None, text=f"{NAME} knows")).result()
    store.add_feedback(feedback(23, other)).result()
    for each_bundle in (bundle, other_bundle):
        add_version(store, each_bundle, who="tests")
    set_alias(store, "champion", "desk@1", who="tests")
    return World(
        runtime=runtime,
        store=store,
        rows=rows,
        table=table,
        dataset=dataset,
        other=clean,
        feedback_set=learned,
        model=model.name,
        bundle=bundle,
        other_bundle=other_bundle,
        scorecard=scorecard,
        run=run,
        cached=cached,
        exchange=own.id,
    )
