"""The commands that use a shipped model elsewhere, run in the bundle's folder."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Final

from tunesmith.artifacts.bundle import BASE
from tunesmith.export.exporting import Exporting
from tunesmith.model.base import BUILTIN, DENSE_TYPES
from tunesmith.model.load import compute_dtype
from tunesmith.model.lora import CONFIG_FILE
from tunesmith.records import Sampling

TEMPLATE: Final = "chat_template.jinja"
CHAT: Final = "[{'role': 'user', 'content': 'Hello'}]"
VLLM_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""What its `--max-lora-rank` may be."""
FOUR_BIT: Final = "quantization_config=B(load_in_4bit=True, bnb_4bit_quant_type='nf4', bnb_4bit_use_double_quant=True)"


def use_of_merged(exporting: Exporting) -> dict[str, str]:
    """Of a whole model folder called `merged`."""
    lines = [_imports(exporting), "m = M.from_pretrained('merged')", "t = T.from_pretrained('merged')"]
    commands = {"transformers": _python([*lines, *_ask(exporting)])}
    if exporting.model.head() is None:
        commands["vllm"] = f"vllm serve merged --served-model-name {exporting.recipe.name}{_drawn(exporting.sampling)}"
    return commands


def use_of_adapter(exporting: Exporting) -> dict[str, str]:
    """Of PEFT's folder called `adapter`. vLLM is named where it knows all that the adapter is made of."""
    four_bit = exporting.model.is_four_bit
    dtype = str(compute_dtype(exporting.precision)).removeprefix("torch.")
    settings = f"dtype='{dtype}'" + (f", {FOUR_BIT}" if four_bit else _labels(exporting))
    lines = [
        "import sys; from peft import PeftModel",
        _imports(exporting) + (", BitsAndBytesConfig as B" if four_bit else ""),
        "b = sys.argv[1]",
        f"m = PeftModel.from_pretrained(M.from_pretrained(b, {settings}), 'adapter')",
        "t = T.from_pretrained(b)",
        *([f"t.chat_template = open('adapter/{TEMPLATE}').read()"] if exporting.chat.is_styled else []),
    ]
    base = _base(exporting)
    commands = {"transformers": f"{_python([*lines, *_ask(exporting)])} {base}"}
    rank = _rank_for_vllm(exporting)
    if rank is not None:
        loaded = f"--lora-modules {exporting.recipe.name}=adapter"
        template = f" --chat-template adapter/{TEMPLATE}" if exporting.chat.is_styled else ""
        settings = f"--dtype {dtype} --enable-lora --max-lora-rank {rank}"
        commands["vllm"] = f"vllm serve {base} {settings} {loaded}{template}{_drawn(exporting.sampling)}"
    return commands


def _drawn(sampling: Sampling) -> str:
    """For vLLM, which takes no word of `do_sample`, and of an adapter the settings of its base."""
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": -1, "min_p": 0.0}
    return f" --override-generation-config {shlex.quote(json.dumps({**drawn, 'repetition_penalty': 1.0}))}"


def _base(exporting: Exporting) -> str:
    is_here = exporting.reference == BUILTIN or Path(exporting.reference).is_dir()
    return BASE if is_here else exporting.reference


def _python(lines: list[str]) -> str:
    return f'python -c "{"; ".join(lines)}"'


def _imports(exporting: Exporting) -> str:
    kind = "AutoModelForCausalLM" if exporting.model.head() is None else "AutoModelForSequenceClassification"
    return f"from transformers import AutoTokenizer as T, {kind} as M"


def _labels(exporting: Exporting) -> str:
    """A base has no outputs of its own: how many, that the loader is told."""
    head = exporting.model.head()
    return "" if head is None else f", num_labels={head.num_outputs}"


def _ask(exporting: Exporting) -> list[str]:
    """An answer to a greeting, or, of a head, its outputs."""
    around = ", add_special_tokens=False" if not exporting.base.is_encoder else ""
    prompt = (
        f"t(t.apply_chat_template({CHAT}, tokenize=False, add_generation_prompt=True), return_tensors='pt'{around})"
    )
    if exporting.model.head() is not None:
        return [f"print(m(**{prompt}).logits)"]
    return [f"x = {prompt}", "print(t.decode(m.generate(**x, max_new_tokens=64)[0, x['input_ids'].shape[1]:]))"]


def _rank_for_vllm(exporting: Exporting) -> int | None:
    """What vLLM has to be told of the adapter's rank; None for one that it does not load."""
    config = json.loads((exporting.model.payload / CONFIG_FILE).read_text(encoding="utf-8"))
    is_plain = config["peft_type"] == "LORA" and not (
        config["use_dora"]
        or config["modules_to_save"]
        or config.get("target_parameters")
        or exporting.model.is_four_bit
    )
    if not is_plain or exporting.base.model_type not in DENSE_TYPES:
        return None
    return next((rank for rank in VLLM_RANKS if rank >= config["r"]), None)
