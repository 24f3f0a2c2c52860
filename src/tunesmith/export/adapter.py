"""The adapter as it was trained, in PEFT's own format."""

from __future__ import annotations

import json
import shutil

from tunesmith.artifacts.bundle import Form
from tunesmith.artifacts.head import HEAD
from tunesmith.export.commands import TEMPLATE, use_of_adapter
from tunesmith.export.exporting import Making
from tunesmith.model.lora import CONFIG_FILE, WEIGHTS_FILE


def write_adapter(making: Making) -> Form:
    """The tensors to the byte; the base that PEFT looks for is named as the recipe names it."""
    exporting, folder = making.exporting, making.folder
    payload = exporting.model.payload
    if exporting.chat.is_styled:  # the base has no template to serve it with
        (folder / TEMPLATE).write_text(exporting.chat.source, encoding="utf-8")
    for name in (WEIGHTS_FILE, HEAD):
        if (payload / name).is_file():
            shutil.copyfile(payload / name, folder / name)
    config = json.loads((payload / CONFIG_FILE).read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": exporting.reference, "revision": exporting.recipe.model.revision}
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    num_bytes = (folder / WEIGHTS_FILE).stat().st_size
    return Form(name="adapter", dtype="fp32", num_bytes=num_bytes, use=use_of_adapter(exporting))
