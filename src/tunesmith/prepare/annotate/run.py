"""The verbs of annotation: rows to tasks, results to rows and disputes, and how far the annotators agree.

The folder is one that people work in: `tasks.json` and `labels.xml` go to Label Studio; `rows.jsonl` is a source that
`prepare` reads; `adjudication.jsonl` is written in by hand and read again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import write_whole
from tunesmith.artifacts.dataset import write_rejects
from tunesmith.errors import TunesmithError
from tunesmith.prepare.annotate.adjudication import Dispute, dispute_of, merged, read_disputes, write_disputes
from tunesmith.prepare.annotate.judged import Comparison, Judged, compare, read_judged
from tunesmith.prepare.annotate.layers import Answer, labelling_config, result_of
from tunesmith.prepare.annotate.server import LabelStudioProject
from tunesmith.prepare.annotate.tasks import Task, Tasks
from tunesmith.prepare.label_studio import EARLIER_TURNS
from tunesmith.prepare.privacy import personal_check
from tunesmith.recipe import Recipe
from tunesmith.recipe.annotate import Annotate
from tunesmith.records import Rejected
from tunesmith.runtime import Progress, Runtime

TASKS: Final = "tasks.json"
CONFIG: Final = "labels.xml"
FETCHED: Final = "export.json"
ROWS: Final = "rows.jsonl"
ADJUDICATION: Final = "adjudication.jsonl"
REJECTS: Final = "rejects.jsonl"
_ADJUDICATOR: Final = "adjudication"


@dataclass(frozen=True)
class Exported:
    """What `export_tasks` wrote and sent."""

    folder: Path
    tasks: int
    predictions: int
    """Tasks that come with what their rows already said."""
    read: int
    repeated: int
    rejected: int
    pushed: int | None
    """Tasks new to the server; None when none was asked for."""


@dataclass(frozen=True)
class Imported:
    """What `import_results` made of the annotated tasks."""

    folder: Path
    rows: int
    """In `rows.jsonl`: agreed or decided."""
    disputed: int
    decided: int
    reopened: int
    """Decisions dropped because the answer that they chose has changed."""
    rejected: int


def export_tasks(recipe: Recipe, *, runtime: Runtime, progress: Progress, out: Path, push: bool = False) -> Exported:
    """Write the tasks of the recipe's rows and the configuration to label them with into `out`, and push them.

    Raises TunesmithError `annotate-section`, `annotate-server-missing`, and as `Tasks`, `personal_check` and
    `LabelStudioProject` do.
    """
    section = _section(recipe)
    project = _project(recipe, runtime) if push else None
    personal = recipe.prepare.personal
    secret = runtime.secrets.get(personal.key) if personal.key is not None else None
    check = personal_check(personal, secret.encode() if secret is not None else None)
    tasks = Tasks(section, section.sources or recipe.prepare.sources, check)
    out.mkdir(parents=True, exist_ok=True)
    chosen = tasks if section.max_rows is None else tasks.sample(section.max_rows, recipe.seed)
    written = _write_tasks(out / TASKS, chosen)
    config = labelling_config(section, with_turns=written.conversations > 0)
    (out / CONFIG).write_text(config, encoding="utf-8", newline="\n")
    write_rejects(out / REJECTS, tasks.rejects)
    if tasks.rejects:
        progress.say("say.annotate.left-out", "warning", count=len(tasks.rejects), reasons=_reasons(tasks.rejects))
    pushed = project.push(config, json.loads((out / TASKS).read_bytes())) if project is not None else None
    left_out = tasks.num_read, tasks.num_repeated, len(tasks.rejects)
    return Exported(out, written.tasks, written.predictions, *left_out, pushed)


def import_results(
    recipe: Recipe, *, runtime: Runtime, progress: Progress, out: Path, file: Path | None = None
) -> Imported:
    """Turn an export of Label Studio, fetched from the server when no file is given, into rows and disputes.

    Decisions that stand in `adjudication.jsonl` count. Raises TunesmithError `annotate-section`,
    `annotate-server-missing`, and as `read_judged`, `read_disputes` and `LabelStudioProject` do.
    """
    out.mkdir(parents=True, exist_ok=True)
    known = read_disputes(out / ADJUDICATION)
    disputes: list[Dispute] = []
    rejects: list[Rejected] = []
    rows: list[str] = []
    num_reopened = 0
    for task in read_judged(file or _fetch(recipe, runtime, out)):
        if isinstance(task, Rejected):
            rejects.append(task)
            continue
        answer, annotator = task.agreed, task.truth or ", ".join(task.answers)
        if answer is None:
            dispute = merged(dispute_of(task), known.get(task.id))
            was_decided = task.id in known and known[task.id].decision is not None
            num_reopened += was_decided and dispute.decision is None
            disputes.append(dispute)
            answer, annotator = dispute.decided(), _ADJUDICATOR
        if answer is not None:
            rows.append(json.dumps(_row(task, answer, annotator), ensure_ascii=False) + "\n")
    # `prepare` reads these rows, and people's decisions are in that file: whatever fails, they are there whole
    write_whole(out / ROWS, "".join(rows).encode())
    write_disputes(out / ADJUDICATION, disputes)
    write_rejects(out / REJECTS, rejects)
    if rejects:
        progress.say("say.annotate.left-out", "warning", count=len(rejects), reasons=_reasons(rejects))
    if num_reopened:
        progress.say("say.annotate.reopened", "warning", count=num_reopened)
    num_decided = sum(dispute.decision is not None for dispute in disputes)
    return Imported(out, len(rows), len(disputes), num_decided, num_reopened, len(rejects))


def compare_annotators(recipe: Recipe, *, runtime: Runtime, out: Path, file: Path | None = None) -> Comparison:
    """How far the annotators agree, from an export as `import_results` takes it; raises what it raises."""
    tasks = read_judged(file or _fetch(recipe, runtime, out))
    return compare(task for task in tasks if isinstance(task, Judged))


@dataclass
class _Written:
    """How many tasks were written, how many with a prediction, and how many with earlier turns."""

    tasks: int = 0
    predictions: int = 0
    conversations: int = 0


def _write_tasks(file: Path, tasks: Iterable[Task]) -> _Written:
    """One JSON array, a task a line."""
    written, lines = _Written(), list[str]()
    for task in tasks:
        lines.append("\n" + json.dumps(task, ensure_ascii=False))
        written.tasks += 1
        written.predictions += "predictions" in task
        written.conversations += bool(task["data"][EARLIER_TURNS])
    write_whole(file, f"[{','.join(lines)}\n]\n".encode())
    return written


def _row(task: Judged, answer: Answer, annotator: str) -> dict[str, Any]:
    return {"data": dict(task.data), "annotations": [{"completed_by": annotator, "result": result_of(answer)}]}


def _section(recipe: Recipe) -> Annotate:
    if recipe.annotate is None:
        raise TunesmithError("annotate-section")
    return recipe.annotate


def _project(recipe: Recipe, runtime: Runtime) -> LabelStudioProject:
    server = _section(recipe).server
    if server is None:
        raise TunesmithError("annotate-server-missing")
    # Label Studio wants three characters or more
    return LabelStudioProject(server, f"tunesmith {recipe.name}", runtime)


def _fetch(recipe: Recipe, runtime: Runtime, out: Path) -> Path:
    found = _project(recipe, runtime).fetch()
    out.mkdir(parents=True, exist_ok=True)
    file = out / FETCHED
    file.write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return file


def _reasons(rejects: Iterable[Rejected]) -> str:
    counts: Mapping[str, int] = Counter(reject.reason for reject in rejects)
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())
