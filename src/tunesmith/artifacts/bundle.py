"""The Bundle: the forms in which a judged model is shipped, and the certificate that they answer like it.

`adapter/` is PEFT's folder, `merged/` and `int8/` are model folders that transformers loads, `gguf/` holds a file for
llama.cpp; `canaries.jsonl` holds prompts with the certified answers, `calibration.json` the maps that mend confidences,
`certificate.json` what was measured, `README.md` and `README.zh.md` the card.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tunesmith.artifacts.calibration import SavedMap, read_maps
from tunesmith.artifacts.figures import Difference, Record
from tunesmith.artifacts.folder import Manifest, read_manifest
from tunesmith.recipe.export import FormName

KIND: Final = "bundle"
BODY: Final = "bundle.json"
CERTIFICATE: Final = "certificate.json"
CANARIES: Final = "canaries.jsonl"


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


class BaseOfBundle(Record):
    """What the adapter stands on."""

    reference: str
    """`builtin:tiny`, a Hub id, or a folder."""
    sha256: str
    """Hash of its files."""
    model_type: str
    revision: str | None = None


class BundleBody(Record):
    """What `bundle.json` holds."""

    version: int = 1
    name: str
    """Of the recipe: the name that the model is served by."""
    arm: str
    task: str
    """`label`, `text` or what else the scorecard calls it."""
    labels: list[str] = []
    """The classes, where labels are chosen, as they are written."""
    precision: str
    """What the judged model computed in."""
    prompt_style: str | None = None
    base: BaseOfBundle
    tuned_model: str
    """Key of the TunedModel."""
    dataset: str
    scorecard: str | None
    """Key of the Scorecard; None where the model was not judged."""
    forms: list[Form]


class FormFigures(Record):
    """One form against the judged model, on the same prompts, both greedy."""

    form: str
    """A FormName, or `served`: the form that the server chooses, through its own engine."""
    against: str
    num_prompts: int
    num_tokens: int
    token_agreement: float
    """Share of the judged model's greedy tokens that the form finds likeliest after the same tokens, near-ties of the
    judged model (its first two within 0.01 in logits) left out."""
    num_near_ties: int
    num_same_answers: int
    """Answers that are the same to the last token."""
    mean_kl: float
    """Mean over positions of KL(judged || form) of the next token's probabilities, in nats."""
    max_logit_difference: float
    """Largest difference of two log-probabilities of a judged token."""
    metric: Difference | None = None
    """Of the metric of the verdict, form less judged, on the judged test items; None where that was not asked."""
    num_bytes: int
    tokens_per_second: float


class Certificate(Record):
    """What `certificate.json` holds. A bundle whose certificate did not pass is never published."""

    version: int = 1
    precision: str
    device: str
    prompts: dict[str, int]
    """By kind (`domain`, `general_en`, `general_zh`) how many."""
    limits: dict[str, float]
    figures: list[FormFigures]


class Canary(Record):
    """A prompt, its certified greedy answer and how likely each of its tokens is, in nats."""

    prompt: list[tuple[str, str]]
    """(role, content)"""
    answer_ids: list[int]
    log_probabilities: list[float]


@dataclass(frozen=True)
class Bundle:
    """A published bundle. Opening it checks the hash of every file."""

    folder: Path
    manifest: Manifest
    body: BundleBody

    @classmethod
    def open(cls, folder: Path) -> Bundle:
        """Raises what `read_manifest` raises."""
        manifest = read_manifest(folder, KIND)
        return cls(folder, manifest, BundleBody.model_validate_json((folder / BODY).read_bytes()))

    @property
    def key(self) -> str:
        return self.manifest.key

    def form(self, name: FormName) -> Path | None:
        """The folder of a form; None where the bundle has none of that name."""
        return self.folder / name if any(form.name == name for form in self.body.forms) else None

    def certificate(self) -> Certificate:
        return Certificate.model_validate_json((self.folder / CERTIFICATE).read_bytes())

    def canaries(self) -> list[Canary]:
        lines = (self.folder / CANARIES).read_text(encoding="utf-8").splitlines()
        return [Canary.model_validate_json(line) for line in lines]

    def maps(self) -> list[SavedMap]:
        """The maps that mend the confidences of its model."""
        return [each for each in read_maps(self.folder) if each.model == self.body.tuned_model]
