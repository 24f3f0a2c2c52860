"""One process that answers the same requests through the engine alone and through HTTP: the share of our HTTP layer.

The process tells the address of its server, then writes the seconds of a turn through the engine for each line that it
reads. The HTTP turns are asked and timed by the process that started it.
"""

from __future__ import annotations

import asyncio
import json
import queue
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import torch
from transformers import AutoConfig, AutoModelForCausalLM
from tunesmith.engine.batching import BatchingEngine
from tunesmith.serve.deployment import Deployment, Facts, Served, ServedModels
from tunesmith.serve.recording import Recorder
from tunesmith.serve.run import Server as HttpServer

from benchmarks.process import CACHE
from benchmarks.serve_clients import at_once, body_of
from benchmarks.serve_server import Server
from benchmarks.training_inputs import GEOMETRIES
from tunesmith.chat import load_chat
from tunesmith.engine.interface import Delta, Request
from tunesmith.model.base import BUILTIN, find_base
from tunesmith.model.load import load_model
from tunesmith.recipe.serve import Serve
from tunesmith.records import Message, Sampling
from tunesmith.runtime import Runtime
from tunesmith.store import Store, open_store

NAME: Final = "layer"
SEED: Final = 3
LOG: Final = CACHE / "serve" / "layer.log"


@dataclass(frozen=True, slots=True)
class LayerJob:
    geometry: str
    """`builtin:tiny`, or the layers of a geometry with the vocabulary of `builtin:tiny`."""
    num_requests: int
    max_tokens: int
    num_rounds: int


def measure_layer(job: LayerJob) -> dict[str, Any]:
    """Seconds of each turn through the engine and through HTTP, alternating, and the median share of the latter.

    The first turn of each side is not counted.
    """
    with Server([sys.executable, "-m", "benchmarks.serve_layer", json.dumps(asdict(job))], LOG, is_told=True) as server:
        url = server.next_line().strip()
        turns = [(_engine_turn(server), through_http(url, job)) for _ in range(job.num_rounds + 1)][1:]
    shares = [(http - alone) / http for alone, http in turns]
    return {"turns": turns, "share": statistics.median(shares)}


def _engine_turn(server: Server) -> float:
    assert server.process.stdin is not None
    server.process.stdin.write("\n")
    server.process.stdin.flush()
    return float(server.next_line())


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


def through_http(url: str, job: LayerJob) -> float:
    """The same through streams, by clients in this process."""
    bodies = [body_of(NAME, number, job.max_tokens) for number in range(job.num_requests)]
    started = time.perf_counter()
    heard = asyncio.run(at_once(url, bodies))
    seconds = time.perf_counter() - started
    if not all(one.is_whole for one in heard):
        raise RuntimeError(f"{sum(not one.is_whole for one in heard)} streams broke off")
    return seconds


def work(job: LayerJob) -> None:
    """Serve, and answer through the engine whenever a line comes, until there are no more."""
    folder = model_folder(job.geometry)
    base = find_base(BUILTIN if job.geometry == BUILTIN else str(folder))
    dtype = torch.float32 if job.geometry == BUILTIN else torch.bfloat16
    model = load_model(folder, dtype=dtype, device="cpu")
    engine = BatchingEngine(model, load_chat(folder), max_tokens=base.max_tokens)
    with tempfile.TemporaryDirectory() as place, _store(Path(place)) as store:
        server = HttpServer(_deployment(engine, store, Path(place)), lambda url: print(url, flush=True))
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
        models=ServedModels(Served(NAME, None, "0" * 16, datetime.now(UTC))),
        recorder=Recorder(store, section.record),
    )


if __name__ == "__main__":
    work(LayerJob(**json.loads(sys.argv[1])))
