"""What cannot be watched or waited for is refused before any weight is loaded; how trainings went, in words."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from tunesmith.artifacts import Dataset, TunedModel
from tunesmith.chat import Chat
from tunesmith.errors import TunesmithError
from tunesmith.recipe import Train
from tunesmith.records import Message
from tunesmith.runtime import Progress
from tunesmith.train.health import Finding, health


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


def health_of(models: Mapping[str, TunedModel]) -> dict[str, list[Finding]]:
    """How each training went, from its own figures."""
    return {name: health(model.metrics(name)) for name, model in models.items()}


def tell_health(model: TunedModel, name: str, progress: Progress) -> None:
    """Each finding, and what to change."""
    for finding in health(model.metrics(name)):
        progress.say(f"health.{finding.code}", finding.level, **finding.parameters)
        progress.say(f"health.{finding.code}.change", **finding.parameters)
