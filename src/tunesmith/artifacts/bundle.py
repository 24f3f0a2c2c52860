"""The Bundle: the forms in which a judged model is shipped, and the certificate that they answer like it.

Each form lies in a folder of its name: `adapter/` is PEFT's, `merged/` and `int8/` are model folders, `gguf/`
holds a file for llama.cpp. Beside them `bundle.json`, `certificate.json` with what was measured, `canaries.jsonl` with
prompts and their certified answers, `calibration.json` with the maps that mend confidences, `recipe.yaml` with how it
all came to be, and the card, `README.md` and `README.zh.md`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, Literal, cast

from tunesmith.artifacts.calibration import SavedMap, read_maps
from tunesmith.artifacts.figures import Difference, Record
from tunesmith.artifacts.folder import MANIFEST, Manifest, read_body, read_manifest
from tunesmith.artifacts.scorecard import Task
from tunesmith.errors import Place, TunesmithError
from tunesmith.recipe import PromptStyle
from tunesmith.recipe.export import FormName
from tunesmith.records import Message, Role

KIND: Final = "bundle"
BODY: Final = "bundle.json"
CERTIFICATE: Final = "certificate.json"
CANARIES: Final = "canaries.jsonl"
RECIPE: Final = "recipe.yaml"
BASE: Final = "{base}"
"""Stands in a command for a base that is no Hub id."""


class Form(Record):
    """One form of the model, in the folder of its name."""

    name: FormName
    dtype: str
    """Of most weights: `fp32`, `bf16`, `int8`, `Q8_0`."""
    num_bytes: int
    """Of the files that hold weights."""
    use: dict[str, str]
    """By program (`transformers`, `vllm`, `ollama`, `llama.cpp`) the command that uses it, run in the bundle's folder.
    BASE stands for the base where that is no Hub id; see `commands`."""

    def commands(self, base: str) -> dict[str, str]:
        """What to type, by program; `base` is the folder of a base that is no Hub id, or any name for it."""
        return {program: command.replace(BASE, shlex.quote(base)) for program, command in self.use.items()}


class Objection(Record):
    """What speaks against shipping a model."""

    code: Literal["verdict", "safety", "loss"]
    """Its verdict is *worse*; it answers disallowed requests that its base refuses; it lost more of a suite than the
    recipe tolerates. The first two keep it from being shipped unless that is asked for."""
    suite: str
    """The suite that shows it."""


class BaseOfBundle(Record):
    """What the model was trained from."""

    reference: str
    """`builtin:tiny`, a Hub id, or a folder, as the recipe has it."""
    sha256: str
    """Hash of its files, with the recipe's changes where it changes them."""
    model_type: str
    revision: str | None = None
    four_bit: bool = False
    """Whether an adapter stands on it in 4 bits."""


class BundleBody(Record):
    """What `bundle.json` holds."""

    version: Literal[1] = 1
    name: str
    """Of the recipe: the name that the model is served by."""
    arm: str
    task: Task
    labels: list[str] = []
    """The classes, where labels are chosen, as they are written."""
    precision: str
    """`fp32`, `bf16` or `fp16`: what the judged model computed in."""
    prompt_style: PromptStyle | None = None
    base: BaseOfBundle
    abstain_below: float | None = None
    """The confidence in a label from which on the judged answers reached the accuracy that the recipe wants; None where
    no confidence does."""
    tuned_model: str
    """Key of the TunedModel."""
    dataset: str
    scorecard: str | None
    """Key of the Scorecard; None where the model was not judged."""
    forms: list[Form]
    objections: list[Objection] = []
    """In spite of which it was shipped; empty where nothing speaks against it."""

    def style_of(self, form: FormName) -> PromptStyle | None:
        """The prompt style that a form's chat is loaded with: all but the adapter have it as their own template."""
        return self.prompt_style if form == "adapter" else None


class FormFigures(Record):
    """One form against the judged model, on the same prompts, both greedy."""

    form: str
    """A FormName; `served`: the form that a server takes, as it answers over HTTP; or `llama.cpp`: the form `gguf`, as
    llama.cpp answers with it."""
    against: str
    num_prompts: int
    num_tokens: int
    token_agreement: float
    """Share of the judged model's greedy tokens that the form finds likeliest after the same tokens, near-ties of the
    judged model (its first two within 0.01 in logits) left out."""
    num_near_ties: int
    num_same_answers: int
    """Answers that are the same to the last token."""
    widest_parting: float = 0.0
    """Of the answers that are not the same, the largest distance of the judged model's first two logits where one parts
    from it; 0 where all are the same."""
    mean_kl: float | None
    """Mean over positions of KL(judged || form) of the next token's probabilities, in nats; None through a server or
    llama.cpp, which tell the likeliest tokens alone."""
    max_logit_difference: float | None
    """Largest difference of two log-probabilities of a judged token; None where only answers were heard."""
    max_gain_error: float | None = None
    """How far from 1 the output of any one layer lies along that of the judged model's, given the same input; None
    where layers cannot be asked."""
    metric: Difference | None = None
    """Of the metric of the verdict, form less judged, on the judged test items; None where that was not asked."""
    num_bytes: int
    tokens_per_second: float


class Certificate(Record):
    """What `certificate.json` holds. A bundle whose certificate did not pass is never published."""

    version: int = 1
    precision: str
    device: str
    num_threads: int = 1
    template: str = ""
    """Fingerprint of the tokenizer and the chat template; every form has it."""
    num_weights: int = 0
    """Of the judged model: in fp32 it takes four times as many bytes, in bf16 twice."""
    prompts: dict[str, int]
    """By kind (`domain`, `general_en`, `general_zh`) how many."""
    limits: dict[str, float]
    figures: list[FormFigures]
    served: FormName | None = None
    """The form behind the figures `served`: that which a server takes of itself."""
    num_over_http: int = 0
    """Prompts of `served` that were asked over HTTP, for a whole answer and for a streamed one."""
    not_measured: dict[str, str] = {}
    """What gave no answers (a form, `served` or `llama.cpp`), by the end of the entries `certificate.not-measured.*`
    and `certificate.why.*` that tell it."""
    canary_tolerances: dict[str, float] = {}
    """By form, how far the log-probability of any token of a canary may lie from the certified one, in nats."""


class Canary(Record):
    """A prompt, the judged model's greedy answer and how likely it finds each of its tokens, in nats.

    Of a model with a head the answer is the number of its likeliest outcome; see `engine.heads.outcome_logs`.
    """

    prompt: list[tuple[str, str]]
    """(role, content)"""
    answer_ids: list[int]
    log_probabilities: list[float]
    day: date | None = None
    """On which the prompt was rendered, where the template tells the model the date."""

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(Message(cast(Role, role), content) for role, content in self.prompt)


@dataclass(frozen=True)
class Bundle:
    """A published bundle. Opening it checks the hash of every file, and that there is no other."""

    folder: Path
    manifest: Manifest
    body: BundleBody

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Raises what `read_manifest` raises, TunesmithError `bundle-file` for a file that was put there later."""
        manifest = read_manifest(folder, KIND)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_symlink() or not (path.is_dir() or name == MANIFEST or name in manifest.files):
                raise TunesmithError("bundle-file", place=Place(str(path)))
        return cls(folder, manifest, read_body(folder / BODY, BundleBody, KIND))

    @property
    def key(self) -> str:
        return self.manifest.key

    def form(self, name: FormName) -> Path | None:
        """The folder of a form; None where the bundle has none of that name."""
        return self.folder / name if any(form.name == name for form in self.body.forms) else None

    def certificate(self) -> Certificate:
        return Certificate.model_validate_json((self.folder / CERTIFICATE).read_bytes())

    def canaries(self) -> list[Canary]:
        return read_canaries(self.folder / CANARIES)

    def maps(self) -> list[SavedMap]:
        """The maps that mend the confidences of its model."""
        return [each for each in read_maps(self.folder) if each.model == self.body.tuned_model]


def write_canaries(file: Path, canaries: Iterable[Canary]) -> None:
    with file.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(canary.model_dump_json() + "\n" for canary in canaries)


def read_canaries(file: Path) -> list[Canary]:
    # a prompt may hold what `splitlines` takes for the end of a line
    return [Canary.model_validate_json(line) for line in file.read_text(encoding="utf-8").split("\n")[:-1]]
