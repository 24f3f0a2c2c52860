"""Texts about models: their templates, weights and adapters, and what training says."""

from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "error.tokenizer-missing": ("the model folder has no tokenizer.json", "模型文件夹中没有 tokenizer.json"),
    "hint.tokenizer-missing": (
        'write it there: `python -c "from transformers import AutoTokenizer as T; '
        "T.from_pretrained('MODEL').save_pretrained('FOLDER')\"`",
        '请在该处生成：`python -c "from transformers import AutoTokenizer as T; '
        "T.from_pretrained('模型').save_pretrained('文件夹')\"`",
    ),
    "error.template-missing": ("the model has no chat template", "模型没有对话模板"),
    "hint.template-missing": (
        "name a prompt style, `model.prompt_style=plain`, or `model.prompt_style=bare` for an encoder; or set "
        "`model.base` to the chat version of this model",
        "请指定提示样式：`model.prompt_style=plain`（编码器用 `model.prompt_style=bare`），"
        "或将 `model.base` 改为该模型的对话版",
    ),
    "error.template-too-long": (
        "the chat template is longer than {limit} characters",
        "对话模板超过 {limit} 个字符",
    ),
    "hint.template-too-long": (
        "shorten chat_template.jinja, or set `model.base` to another model",
        "请精简 chat_template.jinja，或将 `model.base` 改为其他模型",
    ),
    "error.template-syntax": ("the chat template is not valid: {problem}", "对话模板有语法错误：{problem}"),
    "hint.template-syntax": (
        "mend chat_template.jinja in the model's folder",
        "请修正模型文件夹中的 chat_template.jinja",
    ),
    "error.template-refused": (
        "the chat template cannot render this conversation: {problem}",
        "对话模板无法处理这段对话：{problem}",
    ),
    "hint.template-refused": (
        "look at the row with `tunesmith prepare RECIPE --show 3`; mend its roles and order, or chat_template.jinja",
        "用 `tunesmith prepare RECIPE --show 3` 查看数据；请修正各轮的角色与顺序，或修改 chat_template.jinja",
    ),
    "error.template-output": (
        "the chat template writes more than {limit} characters for one conversation",
        "对话模板为一段对话输出了超过 {limit} 个字符",
    ),
    "hint.template-output": (
        "shorten the row, or mend the loop in chat_template.jinja",
        "请缩短该行数据，或修正 chat_template.jinja 中的循环",
    ),
    "error.template-rewrites": (
        "the chat template writes earlier turns differently once another turn follows, "
        "so they cannot be learned as they are served",
        "后面再有新的一轮时，对话模板会改写前面的内容，因此训练内容无法与实际使用时一致",
    ),
    "hint.template-rewrites": (
        "split the conversation so that each row ends with one answer, or mend chat_template.jinja",
        "请拆分对话，使每行只以一个回答结尾，或修改 chat_template.jinja",
    ),
    "error.template-no-end": (
        "the chat template closes an answer without an end token of this model",
        "对话模板没有用该模型的结束符收尾",
    ),
    "hint.template-no-end": (
        "name the token that ends an answer as `eos_token_id` in generation_config.json",
        "请在 generation_config.json 的 `eos_token_id` 中写明结束回答的词元",
    ),
    "error.template-drops-reasoning": (
        "the chat template drops the thinking of the answers, so it could not be learned",
        "对话模板会丢弃回答中的思考内容，模型将无法学到",
    ),
    "hint.template-drops-reasoning": (
        "edit chat_template.jinja: delete the statement that cuts at `</think>`, or let it write `reasoning_content`",
        "请修改 chat_template.jinja：删去在 `</think>` 处截断的语句，或让它写出 `reasoning_content`",
    ),
    "error.control-token": (
        "the text holds `{token}`, which steers the model and would not be read as text",
        "文本中含有控制符 `{token}`，模型不会把它当作普通文字",
    ),
    "hint.control-token": (
        "take it out of the row, or break it with a space",
        "请从该行中删去，或在其中加一个空格",
    ),
    "error.model-missing": ("there is no model here", "此处没有模型"),
    "hint.model-missing": (
        "set `model.base` to `builtin:tiny`, to a folder that holds config.json and .safetensors files, or to a Hub id "
        "(owner/name)",
        "请将 `model.base` 设为 `builtin:tiny`、含有 config.json 和 .safetensors 文件的文件夹，"
        "或 Hub 名称（所有者/名称）",
    ),
    "error.model-unreachable": (
        "the model `{reference}` could not be fetched: {problem}",
        "无法获取模型 `{reference}`：{problem}",
    ),
    "hint.model-unreachable": (
        "set HF_ENDPOINT to a mirror you can reach, log in with `hf auth login`, or set `model.base` to a local folder",
        "请将 HF_ENDPOINT 设为可访问的镜像站，用 `hf auth login` 登录，或将 `model.base` 设为本地文件夹",
    ),
    "error.model-config": ("the model's configuration is broken: {problem}", "模型配置文件已损坏：{problem}"),
    "hint.model-config": (
        "fetch the file again, or mend it: `python -m json.tool config.json`",
        "请重新获取该文件，或用 `python -m json.tool config.json` 查出错误并修正",
    ),
    "error.model-code": (
        "this model needs code of its own to run; code that comes with a model is never run",
        "该模型需要运行自带的代码；随模型附带的代码一律不会执行",
    ),
    "hint.model-code": (
        "set `model.base` to a version of the model in transformers' own format",
        "请将 `model.base` 改为该模型的 transformers 标准格式版本",
    ),
    "error.model-rope": (
        "this model's rotary scaling (`{type}`) depends on the longest row of a batch",
        "该模型的旋转位置缩放方式（`{type}`）随同批最长的一行而变",
    ),
    "hint.model-rope": (
        "take a base with `default`, `linear`, `yarn` or `llama3` scaling, or, if your rows fit the original length, "
        "remove the scaling from config.json",
        "请换用采用 `default`、`linear`、`yarn` 或 `llama3` 缩放的基座；数据不超过原始长度时，"
        "也可以从 config.json 中删去该项",
    ),
    "error.model-type": ("models of the type `{type}` are not supported", "不支持 `{type}` 类型的模型"),
    "hint.model-type": (
        "set `model.base` to a model of one of these types: {known}",
        "请将 `model.base` 改为以下类型之一的模型：{known}",
    ),
    "error.weights-pickle": (
        "the weights are a pickle file, which can run code when it is opened",
        "权重是 pickle 文件，打开时可能执行任意代码",
    ),
    "hint.weights-pickle": (
        "set `model.base` to a model with .safetensors weights; to convert weights you trust, load them with "
        "transformers and call `save_pretrained('FOLDER')`",
        "请将 `model.base` 改为带有 .safetensors 权重的模型；若信任该权重，可用 transformers 加载后执行 "
        "`save_pretrained('文件夹')` 转换",
    ),
    "error.adapter-base": (
        "the adapter was made for another base: `{difference}` does not fit",
        "该适配器属于另一个基座模型：`{difference}` 不匹配",
    ),
    "hint.adapter-base": (
        "set `model.base` to the base that adapter_config.json names as `base_model_name_or_path`",
        "请将 `model.base` 设为 adapter_config.json 中 `base_model_name_or_path` 所写的基座模型",
    ),
    "error.adapter-kind": (
        "the adapter is more than plain LoRA: `{setting}` is set",
        "该适配器不是普通的 LoRA：设置了 `{setting}`",
    ),
    "hint.adapter-kind": (
        "merge it into its base with PEFT, `model.merge_and_unload().save_pretrained('FOLDER')`, and use that folder",
        "请用 PEFT 将其合并到基座模型：`model.merge_and_unload().save_pretrained('文件夹')`，然后使用该文件夹",
    ),
    "error.lora-no-target": (
        "the model has no linear layer of the name `{targets}`",
        "模型中没有名为 `{targets}` 的线性层",
    ),
    "hint.lora-no-target": (
        "set `train.method.targets` to `[all-linear]`, or to some of: {known}",
        "请将 `train.method.targets` 设为 `[all-linear]`，或从以下名称中选择：{known}",
    ),
    "error.resume-changed": (
        "this run was begun with another {changed}: to go on would mix two trainings",
        "该运行开始时的以下各项与现在不同：{changed}；继续训练会把两次训练混在一起",
    ),
    "hint.resume-changed": (
        "undo the change and give the same command again, or start a new run: `tunesmith run RECIPE`",
        "请撤销改动后再次执行同一命令，或重新开始：`tunesmith run RECIPE`",
    ),
    "error.loss-not-finite": (
        "the loss or its gradient stopped being finite at step {step}; the weights did not take it; its rows: {rows}",
        "第 {step} 步的损失或梯度不再是有限的数，权重未受影响；该步的数据行：{rows}",
    ),
    "hint.loss-not-finite": (
        "lower the rate, e.g. `train.learning_rate=1e-5`, or calculate in fp32: `train.precision=fp32`",
        "请调低学习率，例如 `train.learning_rate=1e-5`，或改用 fp32 计算：`train.precision=fp32`",
    ),
    "error.out-of-memory": (
        "no memory for step {step}, though each micro-batch is down to one row; the largest has {tokens} tokens",
        "第 {step} 步内存不足：每个微批已只含一行，最长的一行有 {tokens} 个词元",
    ),
    "hint.out-of-memory": (
        "shorten the rows, train an adapter (`train.method=lora`, in the place of Muon with `train.optimizer=adamw`), "
        "or take a smaller base or a larger machine",
        "请缩短数据行，改为训练适配器（`train.method=lora`；优化器若为 Muon，须同时写 `train.optimizer=adamw`），"
        "或换用更小的基座模型、内存更大的机器",
    ),
    "error.checkpoint-damaged": (
        "the newest checkpoint was damaged after it had been saved",
        "最新的检查点在保存之后被损坏",
    ),
    "hint.checkpoint-damaged": (
        "give the same command again: training goes on from the checkpoint before it",
        "再次执行同一命令即可从上一个检查点继续训练",
    ),
    "error.interrupted": ("stopped at step {step}; the checkpoint is saved", "已在第 {step} 步停止；检查点已保存"),
    "hint.interrupted": (
        "give the same command again: training goes on from there",
        "再次执行同一命令即可从该处继续训练",
    ),
    "error.process-lost": (
        "another process of this training ended before it was done; what it said stands above",
        "本次训练的另一个进程提前结束了，原因见上方该进程的输出",
    ),
    "hint.process-lost": (
        "give the same command again: training goes on from the newest checkpoint",
        "再次执行同一命令即可从最新的检查点继续训练",
    ),
    "error.several-machines": (
        "{here} of {world} processes are on this machine, and a training spreads over one machine only",
        "共 {world} 个进程，本机只有 {here} 个；一次训练只能在一台机器上进行",
    ),
    "hint.several-machines": (
        "start them all here: `torchrun --standalone --nproc-per-node {world} -m tunesmith run RECIPE`",
        "请在同一台机器上启动：`torchrun --standalone --nproc-per-node {world} -m tunesmith run RECIPE`",
    ),
    "error.too-few-gpus": (
        "{processes} processes were started, and torch sees {gpus} GPUs",
        "启动了 {processes} 个进程，但 torch 只看到 {gpus} 块 GPU",
    ),
    "hint.too-few-gpus": (
        "start one process for each GPU: `torchrun --standalone --nproc-per-node {gpus} -m tunesmith run RECIPE`",
        "请为每块 GPU 启动一个进程：`torchrun --standalone --nproc-per-node {gpus} -m tunesmith run RECIPE`",
    ),
    "task.train": ("train", "训练"),
    "say.resumed": ("going on from the checkpoint of step {step}", "从第 {step} 步的检查点继续"),
    "say.resumed-threads": (
        "computing with {threads} threads, as this training began, not with {asked}: equal to the bit",
        "沿用训练开始时的 {threads} 个线程，而不是 {asked} 个：结果逐位不变",
    ),
    "say.resumed-kernels": (
        "another processor or compiler: computing with kernels {now}, while this training began with {began}; "
        "it goes on, but not equal to the bit",
        "处理器或编译器不同：现用内核 {now}，训练开始时为 {began}；训练会继续，但结果不再逐位相同",
    ),
    "say.started-over": (
        "no checkpoint was left whole: training starts from the first step",
        "没有完好的检查点：从第一步重新训练",
    ),
    "say.checkpoint-damaged": (
        "a checkpoint is damaged and was set aside: {path}",
        "检查点已损坏，已另行存放：{path}",
    ),
    "say.micro-batch-halved": (
        "no memory for step {step}: micro-batches of at most {tokens} tokens from here on; the step's rows stay",
        "第 {step} 步内存不足：此后每个微批最多 {tokens} 个词元，该步的数据行不变",
    ),
    "say.early-stop": (
        "stopped at step {step}: `{metric}` has not improved since step {best}",
        "在第 {step} 步提前停止：自第 {best} 步以来 `{metric}` 没有进步",
    ),
}
