"""Texts about what ends a training early, what is watched of it, and how it went (`health.*`).

An entry of `health.*` has one beside it, `.change`, that says what to change, with the lines of the recipe.
"""

from typing import Final

_HEALTH: Final[dict[str, tuple[str, str]]] = {
    "health.divergence": (
        "{model}: the training diverges from step {first_step} on: the loss climbs from {lowest:.4g} to {last:.4g}, "
        "where it ends at step {last_step}",
        "{model}：训练从第 {first_step} 步起发散：损失由 {lowest:.4g} 升至 {last:.4g}，"
        "到第 {last_step} 步结束时仍未回落",
    ),
    "health.divergence.change": (
        "lower the rate and warm up longer: `train.learning_rate={rate:.2g} train.warmup=0.1`",
        "请降低学习率并延长预热：`train.learning_rate={rate:.2g} train.warmup=0.1`",
    ),
    "health.overshoot": (
        "{model}: the steps overshoot: around step {first_step} of {last_step} the loss stood at {peak:.4g}, above the "
        "{first:.4g} that it began with",
        "{model}：步子过大：共 {last_step} 步，第 {first_step} 步前后损失高达 {peak:.4g}，超过开始时的 {first:.4g}",
    ),
    "health.overshoot.change": (
        "lower the rate, and warm up longer: `train.learning_rate={rate:.2g} train.warmup=0.1`",
        "请降低学习率并延长预热：`train.learning_rate={rate:.2g} train.warmup=0.1`",
    ),
    "health.exploding-gradient": (
        "{model}: the gradient explodes from step {first_step} on: its norm ends at {last:.3g} at step {last_step}, "
        "against {usual:.3g} in the first half",
        "{model}：梯度从第 {first_step} 步起爆炸：其范数在前半程为 {usual:.3g}，"
        "到第 {last_step} 步结束时达到 {last:.3g}",
    ),
    "health.exploding-gradient.change": (
        "lower the rate, or clip harder: `train.learning_rate={rate:.2g} train.max_grad_norm=0.5`",
        "请降低学习率，或收紧梯度裁剪：`train.learning_rate={rate:.2g} train.max_grad_norm=0.5`",
    ),
    "health.nothing-learned": (
        "{model}: nothing is learned: from step {first_step} to {last_step} the training loss only went from "
        "{first:.4g} to {lowest:.4g} at its lowest",
        "{model}：没有学到东西：第 {first_step} 至 {last_step} 步，训练损失最低只由 {first:.4g} 到 {lowest:.4g}",
    ),
    "health.nothing-learned.change": (
        "raise the rate: `train.learning_rate={rate:.2g}`; if that does not help, look at what is learned: "
        "`tunesmith prepare RECIPE --show 3`",
        "请提高学习率：`train.learning_rate={rate:.2g}`；若仍无效，请检查参与训练的内容："
        "`tunesmith prepare RECIPE --show 3`",
    ),
    "health.overfitting": (
        "{model}: overfitting from step {first_step} on: up to step {last_step} the validation loss rose from "
        "{best:.4g} to {last:.4g}, while the training loss fell from {train_best:.4g} to {train_last:.4g}",
        "{model}：从第 {first_step} 步起过拟合：到第 {last_step} 步，验证损失由 {best:.4g} 升至 {last:.4g}，"
        "训练损失却由 {train_best:.4g} 降至 {train_last:.4g}",
    ),
    "health.overfitting.change": (
        "stop earlier: `train.stop.patience=2`, or `train.epochs={epochs:.2g}`; hold back: `train.dropout=0.1`; or add "
        "rows",
        "请提前停止：`train.stop.patience=2` 或 `train.epochs={epochs:.2g}`；加以约束：`train.dropout=0.1`；或增加数据",
    ),
    "health.setback": (
        "{model}: a setback after step {first_step}: the loss had come down to {best:.4g} by then and stayed above "
        "{reached:.4g} up to step {last_step}",
        "{model}：第 {first_step} 步之后出现反弹：当时损失已降到 {best:.4g}，"
        "此后直到第 {last_step} 步都不低于 {reached:.4g}",
    ),
    "health.setback.change": (
        "lower the rate, and let it fall: `train.learning_rate={rate:.2g} train.schedule=cosine`",
        "请降低学习率，并让它逐步下降：`train.learning_rate={rate:.2g} train.schedule=cosine`",
    ),
    "health.too-few-steps": (
        "{model}: too few steps: the loss was still falling steeply when training ended, by {share:.0%} between steps "
        "{first_step} and {last_step}, to {last:.4g}",
        "{model}：步数太少：训练结束时损失仍在快速下降，"
        "第 {first_step} 至 {last_step} 步又降了 {share:.0%}，到 {last:.4g}",
    ),
    "health.too-few-steps.change": (
        "train longer: `train.epochs={epochs:.2g}`, and more `train.max_steps` where it is set",
        "请训练更久：`train.epochs={epochs:.2g}`；若设置了 `train.max_steps`，请一并调大",
    ),
    "health.plateau": (
        "{model}: a plateau from step {first_step} on: the loss had come down to {best:.4g} by then and is {last:.4g} "
        "at step {last_step}",
        "{model}：从第 {first_step} 步起停滞：此前损失已降到 {best:.4g}，到第 {last_step} 步为 {last:.4g}",
    ),
    "health.plateau.change": (
        "as good for less time: `train.epochs={epochs:.2g}`; for a better model, more rows or more to train: "
        "`train.method={{name: lora, rank: 64}}`",
        "要省时间且效果相当：`train.epochs={epochs:.2g}`；要更好的模型：增加数据，或增加可训练的参数："
        "`train.method={{name: lora, rank: 64}}`",
    ),
    "health.clipping": (
        "{model}: the gradient was scaled down in {share:.0%} of the steps from {first_step} to {last_step}; its usual "
        "norm is {usual:.3g}",
        "{model}：第 {first_step} 至 {last_step} 步中，{share:.0%} 的步梯度被裁剪；其范数通常为 {usual:.3g}",
    ),
    "health.clipping.change": (
        "where the loss is restless, lower the rate: `train.learning_rate={rate:.2g}`; where it falls smoothly, clip "
        "what stands out alone: `train.max_grad_norm={usual:.2g}`",
        "若损失波动大，请降低学习率：`train.learning_rate={rate:.2g}`；若平稳下降，只裁剪异常的梯度即可："
        "`train.max_grad_norm={usual:.2g}`",
    ),
}

_PAGE: Final[dict[str, tuple[str, str]]] = {
    "report.health": ("In words", "训练诊断"),
    "report.health.none": (
        "No rule found anything: no divergence, no overfitting, no plateau, and the steps were enough.",
        "各项规则均未发现问题：没有发散、过拟合或停滞，步数也足够。",
    ),
    "report.samples": ("Answers on the way", "训练途中的回答"),
    "report.samples.step": ("Step {step}", "第 {step} 步"),
    "report.samples.caption": (
        "The same prompts, answered greedily by the model in training; step 0 is the base. Dots mark an answer "
        "that was cut.",
        "训练中的模型以贪心解码回答同样的提示；第 0 步即基座模型。省略号表示回答被截断。",
    ),
    "report.curve.eval_mean_token_accuracy": ("Token accuracy on the validation rows", "验证词元准确率"),
    "report.curve.eval_divergence": (
        "Divergence from the teacher on the validation rows",
        "验证数据上与教师模型的散度",
    ),
}

TEXTS: Final[dict[str, tuple[str, str]]] = {
    **_HEALTH,
    **_PAGE,
    "recipe.problem.stop-metric": (
        "`{metric}` is not measured with `objective: {objective}`; one of {metrics}",
        "`objective: {objective}` 不测量 `{metric}`，只能取 {metrics}",
    ),
    "recipe.problem.samples-answers": (
        "a model trained with `objective: {objective}` answers no prompts: leave `samples` out",
        "以 `objective: {objective}` 训练的模型不回答提示，请去掉 `samples`",
    ),
    "error.tracker-missing": (
        "`train.trackers` names `{tracker}`, which is not installed",
        "`train.trackers` 写有 `{tracker}`，但尚未安装",
    ),
    "hint.tracker-missing": (
        "install it: `pip install 'tunesmith[{tracker}]'`; or leave it out: `train.trackers=[tensorboard]`",
        "请安装：`pip install 'tunesmith[{tracker}]'`；或去掉它：`train.trackers=[tensorboard]`",
    ),
    "error.stop-no-validation": (
        "`train.stop.patience={patience}` waits for the validation, and there are no validation rows",
        "`train.stop.patience={patience}` 要看验证结果，但没有验证数据",
    ),
    "hint.stop-no-validation": (
        "keep some rows for it: `prepare.validation_share=0.1`; or watch the training loss: "
        "`train.stop={{rising_loss: 3}}`",
        "请留出验证数据：`prepare.validation_share=0.1`；或改看训练损失：`train.stop={{rising_loss: 3}}`",
    ),
    "say.rising-loss": (
        "stopped at step {step}: the mean training loss between validations has risen {times} times running",
        "在第 {step} 步停止：两次验证之间的平均训练损失已连续 {times} 次上升",
    ),
    "say.samples-no-memory": (
        "no memory to answer the sample prompts at step {step}; they are not asked again, and training goes on",
        "第 {step} 步回答示例提示时内存不足；此后不再提问，训练继续",
    ),
    "say.tracker-dropped": (
        "the tracker `{tracker}` was dropped, and training goes on without it: {problem}",
        "已停用跟踪工具 `{tracker}`，训练照常继续：{problem}",
    ),
}
