"""What cannot be watched, or waited for, is refused before any weight is loaded."""

from __future__ import annotations

from importlib.util import find_spec

from tunesmith.artifacts import Dataset
from tunesmith.chat import Chat
from tunesmith.errors import TunesmithError
from tunesmith.recipe import Train
from tunesmith.records import Message


def refuse_unwatchable(section: Train, dataset: Dataset, chat: Chat) -> None:
    """Raises TunesmithError `tracker-missing`, `stop-no-validation`, and `control-token` for a sample prompt."""
    for tracker in section.trackers:
        found = find_spec(tracker)
        if found is None or found.origin is None:  # a folder of that name, such as wandb's own files, has no origin
            raise TunesmithError("tracker-missing", tracker=tracker)
    if section.stop.patience is not None and not dataset.report().splits["validation"]:
        raise TunesmithError("stop-no-validation", patience=section.stop.patience)
    for prompt in section.samples.prompts if section.samples else ():
        chat.prompt_ids([Message("user", prompt)])
