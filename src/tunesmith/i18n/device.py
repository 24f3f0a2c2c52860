"""Texts about what only some devices can do."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.fp16-device": (
        "`train.precision: fp16` is for GPUs: a CPU has no fast float16 products, and bf16 needs no scaled losses",
        "`train.precision: fp16` 只用于 GPU：CPU 没有快速的 float16 乘法，而 bf16 无需缩放损失",
    ),
    "hint.fp16-device": (
        "let the plan choose: `train.precision=auto`",
        "请交由计划选择：`train.precision=auto`",
    ),
    "error.compile-device": (
        "`train.compile` is for GPUs: on a CPU kernels of our own fuse what it would",
        "`train.compile` 只用于 GPU：在 CPU 上，自带的算子已完成同样的融合",
    ),
    "hint.compile-device": ("leave it out: `train.compile=false`", "请去掉该项：`train.compile=false`"),
    "error.compile-architecture": (
        "`train.compile` does not know the layers of the type `{type}`; it compiles those of {known}",
        "`train.compile` 不支持 `{type}` 类型的层；可编译的类型有：{known}",
    ),
    "hint.compile-architecture": ("leave it out: `train.compile=false`", "请去掉该项：`train.compile=false`"),
}
