"""What `tunesmith serve` stands: a crowd that half leaves, a full queue, hostile fields, SIGTERM, kill -9; and a peer.

A small model is trained and exported first. Servers are processes of their own, watched from outside. Against
`transformers serve --continuous-batching` both serve the same folder of weights and take turns with the same requests;
tokens are counted in the texts that came, alike for both. The share of our HTTP layer is what it takes over the engine
alone, in one process, with the clients in another.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer

from benchmarks.hardware import num_usable_cores
from benchmarks.outcome import Goal, Outcome
from benchmarks.peers.environment import peer_python
from benchmarks.serve_hostile import HostileResult, hostile_trial
from benchmarks.serve_server import (
    Server,
    allow_descriptors,
    make_bundle,
    run_command,
    served_model,
    start_ours,
    start_peer,
)
from benchmarks.serve_share import LayerJob, measure_layer
from benchmarks.serve_trials import (
    SETTLE_SECONDS,
    CrowdResult,
    DrainResult,
    KillResult,
    QueueResult,
    Race,
    crowd_trial,
    drain_trial,
    kill_trial,
    queue_trial,
)
from benchmarks.training_inputs import QWEN
from tunesmith.model.base import BUILTIN

NUM_CLIENTS: Final = 16
GROWN_BYTES: Final = 32 << 20
"""By so much memory may grow that stays as it is: a few bodies, and what the allocator keeps of them."""
GOALS: Final = {
    "crowd/lost": Goal(maximum=0),
    "crowd/leaked": Goal(maximum=0),
    "crowd/settled_seconds": Goal(maximum=SETTLE_SECONDS),
    "queue/taken_beyond_limit": Goal(minimum=0, maximum=0),
    "queue/refused_without_retry_after": Goal(maximum=0),
    "hostile/worst_milliseconds": Goal(maximum=100),
    "hostile/accepted": Goal(maximum=0),
    "hostile/grown_bytes": Goal(maximum=GROWN_BYTES),
    "drain/cut": Goal(maximum=0),
    "drain/exit_code": Goal(minimum=0, maximum=0),
    "kill/lost": Goal(maximum=0),
    "kill/damaged": Goal(maximum=0),
    "kill/exchanges": Goal(minimum=50),
    "kill/feedback": Goal(minimum=50),
    "race/ratio": Goal(minimum=1.5),
    f"layer/{QWEN}": Goal(maximum=0.05),
}


def run(*, quick: bool) -> Outcome:
    """Every part; `quick` takes few clients, two kills, no peer and the small model alone."""
    allow_descriptors()
    figures: dict[str, float] = {}
    table = [["", "result"]]
    details: dict[str, Any] = {}
    void: list[str] = []
    with tempfile.TemporaryDirectory(prefix="serve-") as place:
        workspace = Path(place)
        bundle = make_bundle(workspace, 4 if quick else 60)
        for name, part in _parts(bundle, workspace, quick=quick).items():
            told, lines = part
            figures |= {f"{name}/{key}": value for key, value in told.items()}
            table += lines
        if not quick:
            race = _race(bundle, workspace)
            figures |= {f"race/{key}": value for key, value in race_figures(race).items()}
            table += race_lines(race)
            details["rounds"] = {name: [asdict(one) for one in rounds] for name, rounds in race.rounds.items()}
            void += [f"{race.num_failed} requests of the race failed"] if race.num_failed else []
    for job in _layers(quick=quick):
        found = measure_layer(job)
        figures[f"layer/{job.geometry}"] = found["share"]
        table.append([f"HTTP over the engine alone, {job.geometry}", f"{100 * found['share']:.2f} % of the time"])
        details[f"layer/{job.geometry}"] = found["turns"]
    return Outcome(figures, table, {} if quick else _peer_versions(), details, tuple(void))


def _parts(bundle: Path, workspace: Path, *, quick: bool) -> dict[str, tuple[dict[str, float], list[list[str]]]]:
    """Each in a server of its own, over one workspace."""
    return {
        "crowd": crowd_figures(crowd_trial(bundle, workspace, 24 if quick else 1000, 8 if quick else 32)),
        "queue": queue_figures(queue_trial(bundle, workspace, 400)),
        "hostile": hostile_figures(hostile_trial(bundle, workspace, quick=quick)),
        "drain": drain_figures(drain_trial(bundle, workspace, 4 if quick else NUM_CLIENTS, 400)),
        "kill": kill_figures(kill_trial(bundle, workspace, 2 if quick else 30, 8)),
    }


Told = tuple[dict[str, float], list[list[str]]]


def crowd_figures(result: CrowdResult) -> Told:
    """What was lost of the clients that stayed, and what was left of all."""
    leaked = result.leaked_slots + result.leaked_descriptors
    figures = {
        "clients": float(result.num_stayed + result.num_left),
        "lost": float(result.num_stayed - result.num_whole),
        "leaked": float(leaked),
        "settled_seconds": result.settled_seconds if math.isfinite(result.settled_seconds) else 1e9,
    }
    said = f"{result.num_whole} of {result.num_stayed} whole, {result.num_left} left"
    left = (
        f"{result.leaked_slots:g} slots and {result.leaked_descriptors} descriptors held, "
        f"after {result.settled_seconds:.2f} s"
    )
    return figures, [["crowd: clients that stayed", said], ["crowd: afterwards", left]]


def queue_figures(result: QueueResult) -> Told:
    figures = {
        "taken_beyond_limit": float(result.num_taken - result.limit),
        "refused_without_retry_after": float(result.num_asked - result.limit - result.num_told_when),
    }
    said = f"{result.num_taken} of {result.num_asked} taken, {result.num_refused} told 429, {result.num_told_when} when"
    return figures, [[f"queue of {result.limit}", said]]


def hostile_figures(result: HostileResult) -> Told:
    figures = {
        "requests": float(result.num_requests),
        "accepted": float(result.num_accepted),
        "worst_milliseconds": 1000 * result.worst_seconds,
        "grown_bytes": float(result.grown_bytes),
    }
    said = f"{figures['worst_milliseconds']:.0f} ms ({result.worst}), {result.grown_bytes / (1 << 20):.1f} MiB grown"
    return figures, [[f"hostile fields, {result.num_requests}", said]]


def drain_figures(result: DrainResult) -> Told:
    figures = {
        "cut": float(result.num_streams - result.num_whole),
        "exit_code": float(result.exit_code),
        "taken_late": float(not result.was_refused),
    }
    return figures, [["SIGTERM", f"{result.num_whole} of {result.num_streams} streams whole, exit {result.exit_code}"]]


def kill_figures(result: KillResult) -> Told:
    figures = {
        "kills": float(result.num_kills),
        "exchanges": float(result.num_exchanges),
        "feedback": float(result.num_feedback),
        "lost": float(result.lost_exchanges + result.lost_feedback),
        "damaged": float(not result.is_intact),
    }
    said = (
        f"{result.lost_exchanges} of {result.num_exchanges} exchanges and {result.lost_feedback} of "
        f"{result.num_feedback} feedback lost"
    )
    return figures, [[f"kill -9, {result.num_kills} times", said]]


def _race(bundle: Path, workspace: Path) -> Race:
    """Both run all the time; only one is asked at a time. The peer has the precision that the model is stored in."""
    model = bundle / "merged"
    race = Race(Tokenizer.from_file(str(model / "tokenizer.json")), NUM_CLIENTS, requests_each=4, max_tokens=64)
    threads = {"OMP_NUM_THREADS": str(num_usable_cores())}
    peer = start_peer(peer_python("transformers_serve"), model, threads)
    with peer, start_ours(bundle, workspace, ["serve.record=off", "serve.form=merged"], threads) as ours:
        sides: Sequence[tuple[str, Server, str]] = (
            ("ours", ours, served_model(ours.url)),
            ("transformers", peer, str(model)),
        )
        for side in sides:  # whatever is made at the first requests
            race.turn(*side)
        race.rounds.clear()
        race.num_failed = 0
        for number in range(7):
            for side in sides if number % 2 else sides[::-1]:
                race.turn(*side)
    return race


def race_figures(race: Race) -> dict[str, float]:
    figures = {"ratio": race.ratio()}
    for name in race.rounds:
        figures[f"{name}/tokens_per_second"] = race.tokens_per_second(name)
        figures[f"{name}/first_token_p50"] = race.first_seconds(name, 0.5)
        figures[f"{name}/first_token_p95"] = race.first_seconds(name, 0.95)
    ours, theirs = race.answers["ours"], race.answers["transformers"]
    figures["same_answers"] = sum(a.strip() == b.strip() for a, b in zip(ours, theirs, strict=True)) / len(ours)
    return figures


def race_lines(race: Race) -> list[list[str]]:
    lines = []
    for name in race.rounds:
        first = f"{race.first_seconds(name, 0.5):.3f} / {race.first_seconds(name, 0.95):.3f} s"
        lines.append([f"{race.num_clients} clients, {name}", f"{race.tokens_per_second(name):.0f} tokens/s, {first}"])
    return [*lines, ["ours over transformers serve", f"{race.ratio():.2f}"]]


def _layers(*, quick: bool) -> list[LayerJob]:
    small = LayerJob(
        BUILTIN, num_requests=4 if quick else 16, max_tokens=16 if quick else 64, num_rounds=1 if quick else 9
    )
    return [small] if quick else [small, LayerJob(QWEN, num_requests=16, max_tokens=32, num_rounds=5)]


def _peer_versions() -> dict[str, str]:
    names = ("transformers", "torch", "fastapi", "uvicorn")
    code = f"import importlib.metadata as m; print(*(m.version(n) for n in {names}))"
    found = run_command([str(peer_python("transformers_serve")), "-c", code]).split()
    return {f"peer {name}": version for name, version in zip(names, found, strict=True)}
