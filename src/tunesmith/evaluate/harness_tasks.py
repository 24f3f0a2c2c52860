"""Whether the tasks of lm-evaluation-harness that a recipe names can be asked, and what decides their items."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tunesmith.artifacts import hash_folder, library_versions
from tunesmith.errors import Place, TunesmithError
from tunesmith.recipe.harness import HarnessTasks

LIBRARY: Final = "lm_eval"


def check_harness(wanted: HarnessTasks) -> None:
    """Refuse what cannot be asked. Raises TunesmithError `harness-library`, `harness-folder` and `harness-task`."""
    if find_spec(LIBRARY) is None:
        raise TunesmithError("harness-library")
    if wanted.folder is not None and not Path(wanted.folder).is_dir():
        raise TunesmithError("harness-folder", place=Place(wanted.folder))
    known = task_manager(wanted).all_tasks
    missing = next((task for task in wanted.tasks if task not in known), None)
    if missing is not None:
        place = None if wanted.folder is None else Place(wanted.folder)
        raise TunesmithError("harness-task", place=place, task=missing, num_known=len(known))


def harness_inputs(wanted: HarnessTasks) -> dict[str, str]:
    """What decides, beside the recipe, what a task asks and how it judges."""
    own = {} if wanted.folder is None else {"harness.folder": hash_folder(Path(wanted.folder))}
    return {"harness": library_versions(LIBRARY)[LIBRARY], **own}


def task_manager(wanted: HarnessTasks) -> Any:
    """The library's finder of tasks: of its own, or of those in the folder."""
    from lm_eval.tasks import TaskManager

    return TaskManager(include_path=wanted.folder, include_defaults=wanted.folder is None)
