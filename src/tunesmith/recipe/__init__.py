"""What the user asks for: frozen, closed sections (`sections` and one file a stage) and their YAML form (`file`)."""

from tunesmith.recipe.bases import Changes, PromptStyle
from tunesmith.recipe.file import dump_recipe, load_recipe
from tunesmith.recipe.methods import AUTO_METHODS, Auto, Freeze, Full, Lora, Method, Prefix, Prompt, is_four_bit
from tunesmith.recipe.objectives import (
    Classification,
    Distill,
    DistillText,
    Objective,
    Regression,
    Sft,
    Supervise,
    Text,
)
from tunesmith.recipe.prepare import Prepare, Source
from tunesmith.recipe.sections import (
    Decoding,
    Evaluate,
    Model,
    Recipe,
    Report,
)
from tunesmith.recipe.train import Train

__all__ = [
    "AUTO_METHODS",
    "Auto",
    "Changes",
    "Classification",
    "Decoding",
    "Distill",
    "DistillText",
    "Evaluate",
    "Freeze",
    "Full",
    "Lora",
    "Method",
    "Model",
    "Objective",
    "Prefix",
    "Prepare",
    "Prompt",
    "PromptStyle",
    "Recipe",
    "Regression",
    "Report",
    "Sft",
    "Source",
    "Supervise",
    "Text",
    "Train",
    "dump_recipe",
    "is_four_bit",
    "load_recipe",
]
