"""GGUF files in llama.cpp itself: the same tokens of 200 prompts, the same greedy answers of a file in float32, and
what the export certificate makes of its answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from gguf_material import conversations

from tunesmith import lifecycle
from tunesmith.api import open_job
from tunesmith.chat import load_chat
from tunesmith.engine.local import LocalEngine
from tunesmith.export.gguf import FILE, write_gguf
from tunesmith.lifecycle.export import export
from tunesmith.model.base import find_base
from tunesmith.model.load import load_model
from tunesmith.records import Sampling

LLAMA = Path(__file__).parents[2] / ".cache" / "llama-cpp"
PYTHON = LLAMA / "bin" / "python"
SITE = LLAMA / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
NUM_ANSWERS, NUM_TOKENS = 12, 24
ASK = """
import json, sys
from itertools import islice
from llama_cpp import Llama
asked = json.load(sys.stdin)
model = Llama(asked["file"], n_ctx=1024, n_threads=1, verbose=False, type_k=0, type_v=0)
ids = [model.tokenize(text.encode(), add_bos=False, special=True) for text in asked["texts"]]
answers = []
for prompt in asked["prompts"]:
    model.reset()
    answers.append(list(islice(model.generate(prompt, top_k=1, temp=0.0, repeat_penalty=1.0), asked["num_tokens"])))
print(json.dumps({"ids": ids, "answers": answers, "template": model.metadata["tokenizer.chat_template"]}))
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.is_file(), reason="needs llama-cpp-python: `make test-gguf` builds it"),
]


def told(file: Path, texts: list[str], prompts: list[list[int]]) -> Any:
    asked = {"file": str(file), "texts": texts, "prompts": prompts, "num_tokens": NUM_TOKENS}
    done = subprocess.run(
        [str(PYTHON), "-c", ASK], input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=1200
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("encoding", ["F32", "Q8_0"])
def test_llama_cpp_reads_the_prompts_and_answers_as_we_do(tmp_path: Path, encoding: Any) -> None:
    base = find_base("builtin:tiny")
    chat = load_chat(base.folder)
    write_gguf(base.folder, chat, tmp_path, name="tiny", encoding=encoding)
    talks = conversations()
    prompts = [chat.prompt_ids(talk) for talk in talks]
    found = told(tmp_path / FILE, [chat.decode_all(ids) for ids in prompts], prompts[:NUM_ANSWERS])
    assert found["ids"] == prompts
    assert found["template"] == chat.source
    engine = LocalEngine(load_model(base.folder, dtype=torch.float32, device="cpu"), chat, base.max_tokens)
    ours = engine.complete(prompts[:NUM_ANSWERS], Sampling(max_new_tokens=NUM_TOKENS))
    num_same = num_tokens = 0
    for (answer,), theirs in zip(ours, found["answers"], strict=True):
        ids = chat.tokenizer.encode(answer.text, add_special_tokens=False).ids
        num_tokens += len(ids)
        num_same += next((n for n, pair in enumerate(zip(ids, theirs, strict=False)) if pair[0] != pair[1]), len(ids))
    # one near-tie can part an answer from its twin for good
    assert num_same >= (0.9 if encoding == "F32" else 0.6) * num_tokens


@pytest.mark.skipif(not SITE.is_dir(), reason="was built for another Python")
def test_the_certificate_lets_llama_cpp_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"question": f"How many lamps {n}? 有几盏灯？", "answer": f"There are {n % 7} lamps."} for n in range(120)
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    tree = {
        "name": "lamps",
        "prepare": {"sources": str(tmp_path / "rows.jsonl"), "test_share": 0.2},
        "train": {"method": "lora", "max_steps": 8, "batch_rows": 8, "trackers": [], "precision": "fp32"},
        "evaluate": {"general_suite": False, "arms": ["base", "tuned"], "decoding": {"max_new_tokens": 8}},
        "export": {"forms": ["gguf"], "num_prompts": 8, "certificate": {"metric_loss": 1.0}},
    }
    job = open_job(tree, workspace=tmp_path / "work")
    lifecycle.scorecard_of(job)
    monkeypatch.setattr(sys, "path", [*sys.path, str(SITE)])
    certificate = export(job, anyway=True).certificate()
    assert certificate.not_measured == {"served": "no-form"}
    gguf, llama_cpp = certificate.figures
    assert (gguf.form, llama_cpp.form, llama_cpp.num_prompts) == ("gguf", "llama.cpp", 24)
    # both have the same weights, which are not the judged model's to the bit
    assert llama_cpp.token_agreement >= 0.9
    assert abs(llama_cpp.num_same_answers - gguf.num_same_answers) <= 6
    assert llama_cpp.tokens_per_second > 0
