"""What a base cannot do is refused, and what a recipe makes of it is said, before any weight is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunesmith.chat import load_chat, load_tokenizer
from tunesmith.errors import Place, TunesmithError
from tunesmith.lifecycle.changed import tell_pruned
from tunesmith.model.base import DENSE_TYPES, Base, find_base
from tunesmith.model.start import start_of
from tunesmith.recipe import Classification, Distill, DistillText, Regression, Train

if TYPE_CHECKING:
    from tunesmith.lifecycle import Job


def check_base(job: Job) -> None:
    """Raises TunesmithError `encoder-objective`, `encoder-arms`, and what `changed_base` and `start_of` raise."""
    for section in job.trainings().values():
        start_of(section, job.trained_base)
    if job.base.is_encoder:
        _check_encoder(job)
    changes = job.recipe.model.changes
    before, after = (int(base.config["num_hidden_layers"]) for base in (job.base, job.trained_base))
    num_added = len(changes.add_layers)
    if after - num_added < before:
        job.progress.say("say.base-layers-dropped", "warning", before=before, left=after - num_added)
    if num_added:
        job.progress.say("say.base-layers-added", "warning", num=num_added)
    if changes.activation is not None:
        job.progress.say("say.base-activation", "warning", activation=changes.activation)
    tell_pruned(job)


def check_device(job: Job) -> None:
    """Raises TunesmithError `fp16-device`, `compile-device`, `compile-architecture`."""
    for section in job.trainings().values():
        if section.precision == "fp16" and job.runtime.device == "cpu":
            raise TunesmithError("fp16-device")
        if section.compile and job.runtime.device == "cpu":
            raise TunesmithError("compile-device")
        if section.compile and job.base.model_type not in DENSE_TYPES:
            raise TunesmithError("compile-architecture", type=job.base.model_type, known=", ".join(DENSE_TYPES))


def teacher_of(job: Job, section: Train) -> Base | None:
    """The model that a distillation learns from: the base before it was changed, unless it is named.

    Raises what `find_base` raises; `teacher-encoder` for one that writes nothing; `teacher-tokenizer` where
    probabilities are learned, what `load_chat` raises where the teacher's text is.
    """
    if not isinstance(section.objective, Distill | DistillText):
        return None
    named, revision = section.objective.teacher, section.objective.revision
    teacher = job.base if named is None else find_base(named, revision)
    if teacher.is_encoder:
        raise TunesmithError("teacher-encoder", place=Place(str(teacher.folder)), type=teacher.model_type)
    if isinstance(section.objective, DistillText):
        load_chat(teacher.folder)
    elif load_tokenizer(teacher.folder).get_vocab() != job.chat.tokenizer.get_vocab():
        raise TunesmithError("teacher-tokenizer", place=Place(str(teacher.folder)), base=job.base.reference)
    return teacher


def _check_encoder(job: Job) -> None:
    kind, arms = job.base.model_type, job.recipe.evaluate.arms
    for section in job.trainings().values():
        if not isinstance(section.objective, Classification | Regression):
            raise TunesmithError("encoder-objective", type=kind, objective=section.objective.name)
    if not {"classic", "majority"} & set(arms):
        raise TunesmithError("encoder-arms", type=kind)
    left_out = [arm for arm in arms if arm.startswith("base")]
    if left_out:
        job.progress.say("say.encoder-arms", "warning", arms=", ".join(left_out), type=kind)
