"""Texts about what is pruned from a base."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.prune-heads": (
        "`model.changes.prune.heads` cannot be {asked}: each layer has {num} query heads in {groups} groups, and as "
        "many of every group go",
        "`model.changes.prune.heads` 不能取 {asked}：每层有 {num} 个查询头，分 {groups} 组，每组须去掉同样多的头",
    ),
    "hint.prune-heads": (
        "set `model.changes.prune.heads` to one of these: {known}",
        "请将 `model.changes.prune.heads` 设为以下之一：{known}",
    ),
    "error.prune-neurons": (
        "`model.changes.prune.neurons` cannot be {asked}: each feed-forward part has {num} neurons, and a multiple of "
        "{unit} has to stay, less than there are",
        "`model.changes.prune.neurons` 不能取 {asked}：每个前馈部分有 {num} 个神经元，"
        "剩下的须为 {unit} 的倍数，且少于原数",
    ),
    "hint.prune-neurons": (
        "name a share that takes {unit} neurons or more and leaves as many, or leave it out",
        "请改用能去掉至少 {unit} 个、又留下至少 {unit} 个神经元的比例，或去掉这一项",
    ),
    "say.base-pruned": (
        "pruned: {left} of the base's {before} parameters are left ({share}), {left_mb} of {before_mb} MB; until it "
        "has learned again it may answer much worse, which `base_changed` in `evaluate.arms` shows",
        "已剪枝：基座的 {before} 个参数剩下 {left} 个（{share}），{before_mb} MB 剩下 {left_mb} MB；"
        "在重新学会之前，它的回答可能差得多，可在 `evaluate.arms` 中加入 `base_changed` 查看差了多少",
    ),
    "say.base-pruned-layers": (
        "layers {first} to {last} were left out: of all blocks of as many, they turn what passes through them least, "
        "by {angle} degrees",
        "去掉了第 {first} 至 {last} 层：在同样长的各段中，它们对所经内容的改变最小，转过的角度为 {angle} 度",
    ),
    "say.base-pruned-weights": (
        "{share} of the numbers of the linear layers are 0: the files are as large and the products take as long as "
        "before, unless what runs them makes use of zeros",
        "线性层中 {share} 的数值为 0：除非运行它的程序会利用零值，否则文件大小和计算时间都与之前相同",
    ),
    "say.export-filled": (
        "of the numbers of the linear layers, {before} were 0 in the pruned base and {after} are in the merged model, "
        "and in every form made of it: what was trained beside the base fills them (`full` and `freeze` keep them 0)",
        "线性层的数值中，剪枝后的基座有 {before} 为 0，合并后的模型及由它生成的各种形式只有 {after}："
        "在基座之外训练的部分把它们填上了（`full` 和 `freeze` 会保持为 0）",
    ),
    "recipe.problem.changes-prune-layers": (
        "`prune.layers` chooses by measuring which layers go: leave out `keep_layers` and `drop_layers`, which name "
        "them",
        "`prune.layers` 通过测量选出要去掉的层：请去掉指定层号的 `keep_layers` 和 `drop_layers`",
    ),
    "recipe.problem.arm-changed": (
        "`base_changed` is the base after `model.changes`, which changes nothing here",
        "`base_changed` 是经 `model.changes` 改动后的基座，而这里没有任何改动",
    ),
    "recipe.problem.distill-itself": (
        "without `teacher` the base teaches what `model.changes` made of it, and nothing is changed: name a teacher",
        "不写 `teacher` 时，由改动前的基座教改动后的模型，而这里没有任何改动：请指定教师模型",
    ),
}
