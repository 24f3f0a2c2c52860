"""The process of `serve_share`: one engine, and our server over it.

Tells the address of its server, then writes the seconds of a turn through the engine for each line that it reads.
"""

from __future__ import annotations

import json
import queue
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from benchmarks.process import CACHE
from benchmarks.serve_clients import body_of
from benchmarks.serve_share import NAME, LayerJob
from benchmarks.training_inputs import GEOMETRIES
from tunesmith.chat import load_chat
from tunesmith.engine.batching import BatchingEngine
from tunesmith.engine.interface import Delta, Request
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message, Sampling
from tunesmith.runtime import Runtime
from tunesmith.serve.deployment import Deployment, Facts, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.serve.run import Server
from tunesmith.store import Store, open_store

SEED: Final = 3


def model_folder(geometry: str) -> Path:
    """Random weights with the tokenizer and template of the embedded base: its smaller vocabulary makes the engine
    quicker than the real one, and so the share of HTTP larger."""
    base = find_base(BUILTIN)
    if geometry == BUILTIN:
        return base.folder
    folder = CACHE / "serve" / geometry
    if not (folder / "config.json").is_file():
        torch.manual_seed(SEED)
        own = {key: base.config[key] for key in ("vocab_size", "eos_token_id", "pad_token_id", "bos_token_id")}
        config = AutoConfig.for_model(**{**GEOMETRIES[geometry], **own})
        for file in base.folder.iterdir():
            if file.name not in ("config.json", "model.safetensors"):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / file.name).write_bytes(file.read_bytes())
        AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(folder)
    return folder


def through_engine(engine: BatchingEngine, job: LayerJob) -> float:
    """Seconds until every answer is written, all of them submitted at once."""
    ended: queue.SimpleQueue[Delta] = queue.SimpleQueue()

    def on_delta(delta: Delta) -> None:
        if delta.is_last:
            ended.put(delta)

    sampling = Sampling(max_new_tokens=job.max_tokens)
    started = time.perf_counter()
    for number in range(job.num_requests):
        content = body_of(NAME, number, job.max_tokens)["messages"][0]["content"]
        engine.submit(Request((Message("user", content),), sampling), on_delta)
    for _ in range(job.num_requests):
        failure = ended.get().failure
        if failure is not None:
            raise failure
    return time.perf_counter() - started


def work(job: LayerJob) -> None:
    """Serve, and answer through the engine whenever a line comes, until there are no more."""
    folder = model_folder(job.geometry)
    base = find_base(BUILTIN if job.geometry == BUILTIN else str(folder))
    dtype = torch.float32 if job.geometry == BUILTIN else torch.bfloat16
    model = load_model(folder, dtype=dtype, device="cpu")
    engine = BatchingEngine(model, load_chat(folder), max_tokens=base.max_tokens)
    with tempfile.TemporaryDirectory() as place, _store(Path(place)) as store:
        server = Server(_deployment(engine, store, Path(place)), lambda url: print(url, flush=True))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [server.listening]})
        thread.start()
        for _ in sys.stdin:
            print(through_engine(engine, job), flush=True)
        server.should_exit = True
        thread.join()
    engine.close()


def _store(place: Path) -> Store:
    return open_store(f"sqlite:///{place}/store.db", clock=lambda: datetime.now(UTC), key_file=place / "store.key")


def _deployment(engine: BatchingEngine, store: Store, place: Path) -> Deployment:
    section = Serve(port=0, record="metadata")
    return Deployment(
        bundle=None,
        facts=Facts(NAME, "merged"),
        engine=engine,
        store=store,
        section=section,
        runtime=Runtime(place, place),
        models=ServedModels((Served(NAME, None, "0" * 16, datetime.now(UTC)),)),
        recorder=Recorder(store, section.record),
    )


if __name__ == "__main__":
    work(LayerJob(**json.loads(sys.argv[1])))
