"""How a base is tuned. Defaults of `None` are derived by `plan` and shown by `tunesmith plan`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from tunesmith.recipe.methods import Full, Lora, Method, Prefix, Prompt
from tunesmith.recipe.objectives import Classification, Distill, Objective, Regression, Sft, Text
from tunesmith.recipe.optimizers import AdamW, Muon, Optimizer, Sgd
from tunesmith.recipe.schedules import Cosine, RateSchedule, ShareOrSteps
from tunesmith.recipe.section import PositiveFloat, PositiveInt, Section
from tunesmith.recipe.watch import Samples, Stop, measured_with


class Train(Section):
    """How the base is tuned."""

    method: Annotated[
        Method,
        Field(
            description="`lora`, `qlora`, `full`, `freeze`, `prompt` or `prefix`, with its settings; `auto` lets "
            "`plan` choose."
        ),
    ] = Lora()
    start: Annotated[
        str | None,
        Field(
            description="Folder of a tuned model, a bundle or an adapter of the same base and method whose weights "
            "training goes on from; absent: the base."
        ),
    ] = None
    objective: Annotated[Objective, Field(description="What training minimises, by name or with settings.")] = Sft()
    epochs: Annotated[PositiveFloat, Field(description="Passes over the training rows.")] = 3.0
    max_rows: Annotated[
        PositiveInt | None,
        Field(description="Train on so many rows only, drawn by the seed; fewer are always among more."),
    ] = None
    max_steps: Annotated[PositiveInt | None, Field(description="Stop after so many optimiser steps.")] = None
    batch_rows: Annotated[PositiveInt, Field(description="Rows of one optimiser step.")] = 16
    micro_batch_tokens: Annotated[
        PositiveInt | None,
        Field(
            description="Most tokens laid out at once; derived from the model's size when absent. Changes memory and "
            "speed, never the result."
        ),
    ] = None
    share_prefixes: Annotated[
        bool, Field(description="Compute common beginnings of a step's rows once; changes speed, never the result.")
    ] = True
    learning_rate: Annotated[
        float | None,
        Field(ge=0.0, description="Peak rate; derived from method and model size when absent. 0 changes no weight."),
    ] = None
    warmup: Annotated[
        ShareOrSteps, Field(description="Steps in which the rate rises linearly: a share below 1, or their number.")
    ] = 0.05
    schedule: Annotated[
        RateSchedule, Field(description="How the rate moves after warm-up, by name or with settings.")
    ] = Cosine()
    optimizer: Annotated[Optimizer, Field(description="How gradients become steps, by name or with settings.")] = (
        AdamW()
    )
    max_grad_norm: Annotated[PositiveFloat, Field(description="Gradients are scaled down to this norm.")] = 1.0
    l1: Annotated[
        float,
        Field(ge=0.0, description="L1 penalty: a step draws matrices to 0 by rate * this, no further."),
    ] = 0.0
    layer_rate_decay: Annotated[
        float, Field(gt=0.0, le=1.0, description="The rate of each layer is so much of that of the layer above it.")
    ] = 1.0
    label_smoothing: Annotated[
        float, Field(ge=0.0, lt=1.0, description="Share of each target spread evenly over the vocabulary.")
    ] = 0.0
    dropout: Annotated[
        float,
        Field(ge=0.0, lt=1.0, description="Share dropped at random of what attention and feed-forward part put out."),
    ] = 0.0
    attention_dropout: Annotated[
        float,
        Field(
            ge=0.0,
            lt=1.0,
            description="Share of attention's weights dropped at random; common beginnings are not shared then.",
        ),
    ] = 0.0
    token_dropout: Annotated[
        float, Field(ge=0.0, lt=1.0, description="Share of prompt tokens hidden at random, anew in every step.")
    ] = 0.0
    precision: Annotated[
        Literal["auto", "bf16", "fp16", "fp32"],
        Field(
            description="`auto` is bf16 where the device has bf16 products; `fp16` scales losses and is for GPUs alone."
        ),
    ] = "auto"
    compile: Annotated[
        bool, Field(description="Compile each layer for the GPU; changes speed, and how sums are rounded.")
    ] = False
    evaluate_every: Annotated[
        PositiveInt | None, Field(description="Steps between validations; absent: ten times in a run.")
    ] = None
    stop: Stop = Stop()
    checkpoint_every: Annotated[
        PositiveInt | None, Field(description="Steps between checkpoints; absent: with every validation.")
    ] = None
    samples: Annotated[
        Samples | None, Field(description="Answer the same few prompts at every validation; absent: none.")
    ] = None
    trackers: Annotated[
        tuple[Literal["tensorboard", "wandb", "mlflow"], ...],
        Field(description="Trackers fed beside `events.jsonl`.", strict=False),
    ] = ("tensorboard",)

    @property
    def shares_prefixes(self) -> bool:
        """Whether rows compute a common beginning once: they would drop the same of its attention."""
        return self.share_prefixes and not self.attention_dropout

    @property
    def _learns_prompts(self) -> bool:
        """Whether no token of a prompt is only read."""
        objective = self.objective
        return isinstance(objective, Text) or (isinstance(objective, Sft | Distill) and objective.supervise == "all")

    @property
    def asks_of_device(self) -> bool:
        """Whether a setting is for some devices alone."""
        return self.compile or self.precision == "fp16"

    @field_validator("stop")
    @classmethod
    def _metric_is_measured(cls, value: Stop, info: ValidationInfo) -> Stop:
        objective = info.data.get("objective")  # absent when it has mistakes of its own
        return value if objective is None else measured_with(value, objective.name)

    @model_validator(mode="after")
    def _fits_its_objective(self) -> Train:
        if self.label_smoothing and isinstance(self.objective, Regression | Distill):
            raise PydanticCustomError("objective_smoothing", "`label_smoothing` does not go with this objective")
        if self.token_dropout and self._learns_prompts:
            raise PydanticCustomError("objective_dropout", "`token_dropout` does not go with learned prompts")
        if self.samples and isinstance(self.objective, Text | Classification | Regression):
            name: str = self.objective.name
            raise PydanticCustomError(
                "samples_answers", "`objective: {objective}` answers no prompts", {"objective": name}
            )
        if isinstance(self.method, Prompt | Prefix):
            told = {"method": self.method.name, "objective": self.objective.name}
            if isinstance(self.objective, Classification | Regression):
                raise PydanticCustomError("method_head", "`{method}` does not go with the head of `{objective}`", told)
            if isinstance(self.objective, Distill):
                raise PydanticCustomError("method_teacher", "the teacher cannot read what `{method}` learns", told)
        return self

    @model_validator(mode="after")
    def _suits_its_optimizer(self) -> Train:
        if isinstance(self.optimizer, Muon) and not isinstance(self.method, Full):
            raise PydanticCustomError("muon_full", "Muon updates whole matrices: it needs method `full`")
        if isinstance(self.optimizer, Sgd) and self.learning_rate is None:
            raise PydanticCustomError("sgd_rate", "no rate is derived for `sgd`: give `learning_rate`")
        return self
