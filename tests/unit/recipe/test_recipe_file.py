from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from least_time import least_seconds

from tunesmith.errors import ManyErrors, Place, TunesmithError
from tunesmith.recipe import Full, Lora, Recipe, dump_recipe, load_recipe
from tunesmith.recipe.file import keys_named

SMALL = "name: demo\nprepare:\n  sources: rows.jsonl\n"


def write(folder: Path, text: str) -> Path:
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def load(folder: Path, text: str, *overrides: str) -> Recipe:
    return load_recipe(write(folder, text), overrides)


def failures(folder: Path, text: str, *overrides: str) -> list[TunesmithError]:
    with pytest.raises(TunesmithError) as caught:
        load(folder, text, *overrides)
    return caught.value.errors if isinstance(caught.value, ManyErrors) else [caught.value]


def only(errors: list[TunesmithError]) -> TunesmithError:
    assert len(errors) == 1, [str(error) for error in errors]
    return errors[0]


def test_the_smallest_recipe_takes_all_defaults(tmp_path: Path) -> None:
    recipe = load(tmp_path, SMALL)
    assert recipe.prepare.sources[0].path == "rows.jsonl"
    assert recipe.train.method == Lora()
    assert recipe.model.base == "builtin:tiny"


# --- unknown keys


@pytest.mark.parametrize(
    ("text", "line", "column", "section", "suggestion"),
    [
        (SMALL + "sead: 1\n", 4, 1, "recipe", "seed"),
        (SMALL + "  reasonin: drop\n", 4, 3, "prepare", "reasoning"),
        (SMALL + "train:\n  method:\n    name: lora\n    rnak: 8\n", 7, 5, "train.method", "rank"),
        ("name: demo\nprepare:\n  sources:\n  - pathh: a\n    split: test\n", 4, 5, "prepare.sources.0", "path"),
        ("name: demo\nprepare:\n  sources:\n    pathh: a\n", 4, 5, "prepare.sources", "path"),
        (SMALL + "evaluate:\n  decoding: {topp: 0.9}\n", 5, 14, "evaluate.decoding", "top_p"),
        (SMALL + "variants:\n  wide:\n    epoch: 2\n", 6, 5, "variants.wide", "epochs"),
        # a variant may bear the name of a key
        (SMALL + "variants:\n  method:\n    epoch: 2\n", 6, 5, "variants.method", "epochs"),
        (SMALL + "variants:\n  a:\n    method: {name: lora, alpa: 2}\n", 6, 26, "variants.a.method", "alpha"),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_a_suggestion(
    tmp_path: Path, text: str, line: int, column: int, section: str, suggestion: str
) -> None:
    error = only(failures(tmp_path, text))
    assert error.code == "recipe-unknown-key"
    assert error.place == Place(str(tmp_path / "recipe.yaml"), line, column)
    assert (error.parameters["section"], error.parameters["suggestion"]) == (section, suggestion)
    assert f"did you mean `{suggestion}`" in error.hint()


def test_a_key_like_no_other_is_answered_with_the_keys_of_its_section(tmp_path: Path) -> None:
    error = only(failures(tmp_path, SMALL + "report: {zzz: 1}\n"))
    assert error.code == "recipe-foreign-key"
    assert error.hint() == "known keys: language, num_before_after"


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        (SMALL + "learning_rate: 1e-4\n", "train.learning_rate"),
        (SMALL + "train: {rank: 8}\n", "train.method.rank"),
        (SMALL + "rank: 8\n", "train.method.rank"),
        (SMALL + "train: {sources: a}\n", "prepare.sources"),
    ],
)
def test_a_key_that_stands_elsewhere_is_answered_with_its_section(tmp_path: Path, text: str, suggestion: str) -> None:
    error = only(failures(tmp_path, text))
    assert error.code == "recipe-unknown-key"
    assert f"did you mean `{suggestion}`" in error.hint()


def test_keys_are_named_as_overrides_write_them_none_inside_a_list() -> None:
    assert keys_named("seed") == ["seed"]
    assert keys_named("epoch") == ["train.epochs"]
    assert keys_named("model")[0] == "model"
    assert all("sources" not in path.split(".")[:-1] for path in keys_named("columns"))
    assert keys_named("nothing_like_it") == []


def test_data_that_are_handed_over_as_a_recipe_are_told_from_one(tmp_path: Path) -> None:
    file = tmp_path / "工单.CSV"
    file.write_bytes("问题,意图\n".encode("gbk"))
    with pytest.raises(TunesmithError) as caught:
        load_recipe(file)
    assert (caught.value.code, caught.value.place) == ("recipe-is-data", Place(str(file)))
    assert 'sources: "工单.CSV"' in caught.value.hint()


def test_a_key_of_another_method_is_not_suggested(tmp_path: Path) -> None:
    error = only(failures(tmp_path, SMALL + "train: {method: {name: full, rank: 8}}\n"))
    assert error.code == "recipe-foreign-key"
    assert error.parameters["known"] == "name"


# --- wrong values: code, place and both languages


@pytest.mark.parametrize(
    ("override", "english", "chinese"),
    [
        ("train.epochs=0", "must be greater than 0", "必须大于 0"),
        ("train.optimizer={name: adamw, weight_decay: -1}", "must be at least 0", "不得小于 0"),
        ("train.optimizer={name: adamw, beta2: 1}", "must be less than 1", "必须小于 1"),
        (
            "train.optimizer=muon",
            "Muon updates whole matrices: it needs method `full`",
            "Muon 更新的是完整的矩阵，须配合 `full` 方法",
        ),
        (
            "train.optimizer={name: sgd, momentum: 0.5}",
            "no rate is derived for `sgd`: give `learning_rate`",
            "`sgd` 的学习率无法推算，请写明 `learning_rate`",
        ),
        ("train.layer_rate_decay=0", "must be greater than 0", "必须大于 0"),
        ("train.warmup=1.5", "must be a share below 1 or a whole number of steps", "应为小于 1 的比例，或整数步数"),
        ("train.token_dropout=1", "must be less than 1", "必须小于 1"),
        ("train.batch_rows=1.5", "must be a whole number", "应为整数"),
        ("train.batch_rows=1e3", "must be a whole number", "应为整数"),
        ("train.batch_rows=true", "must be a whole number", "应为整数"),
        (
            "prepare.quality.checks.pattern=a{2,1}",
            "is no regular expression: min repeat greater than max repeat at position 2",
            "不是有效的正则表达式：min repeat greater than max repeat at position 2",
        ),
        ("train.epochs=many", "must be a number", "应为数字"),
        ("train.epochs=true", "must be a number", "应为数字"),
        ("train.learning_rate=1e999", "must be a finite number", "应为有限的数"),
        ("train.share_prefixes=yes", "write `true` or `false`", "应为 `true` 或 `false`"),
        ("prepare.system=5", "must be text; quotes make text of anything", "应为文字；加引号即可表示为文字"),
        ("prepare.prompt_style=x", "must hold `{prompt}`", "必须含有 `{prompt}`"),
        (
            "prepare.reasoning=no",
            "must be one of 'keep', 'drop', 'require', 'synthesise'",
            "只能取 'keep', 'drop', 'require', 'synthesise'",
        ),
        ("prepare.sources=5", "must be a list: `[a, b]`", "应为列表，写作 `[a, b]`"),
        ("prepare.sources=[]", "needs at least 1", "至少要有 1 项"),
        ("prepare.sources=[5]", "must be a section with keys of its own", "应是一组 `键: 值`"),
        (
            "prepare.sources={hub: a, path: b}",
            "give exactly one of `path` and `hub`",
            "`path` 与 `hub` 须且只须给出一个",
        ),
        ("train=5", "must be a section with keys of its own", "应是一组 `键: 值`"),
        ("variants=[a]", "must be a section with keys of its own", "应是一组 `键: 值`"),
        ("train.method=5", "must be a section with keys of its own", "应是一组 `键: 值`"),
        (
            "train.method=lroa",
            "`lroa` is not one of 'full', 'freeze', 'lora', 'qlora', 'prompt', 'prefix', 'auto'",
            "没有 `lroa` 这一项，只能取 'full', 'freeze', 'lora', 'qlora', 'prompt', 'prefix', 'auto'",
        ),
        (
            "variants={../..: {}}",
            "`../..` cannot name a folder: no `/`, and no dot at the beginning",
            "`../..` 不能用作文件夹名：不得含 `/`，也不得以点开头",
        ),
        (
            "evaluate.metrics=[{function: metrics.resolved}]",
            "must be `module:function`, such as `metrics:resolved`",
            "应写作 `模块:函数`，例如 `metrics:resolved`",
        ),
        (
            "name=../up",
            "letters, digits, `_`, `.` and `-` only, the first one a letter, a digit or `_`",
            "只能用英文字母、数字、`_`、`.` 和 `-`，且须以字母、数字或 `_` 开头",
        ),
        (
            "name=..",
            "letters, digits, `_`, `.` and `-` only, the first one a letter, a digit or `_`",
            "只能用英文字母、数字、`_`、`.` 和 `-`，且须以字母、数字或 `_` 开头",
        ),
    ],
)
def test_a_wrong_value_is_explained_in_both_languages(
    tmp_path: Path, override: str, english: str, chinese: str
) -> None:
    error = only(failures(tmp_path, SMALL, override))
    assert error.code == ("recipe-choice" if override == "train.method=lroa" else "recipe-value")
    assert error.place is not None
    assert error.place.file == "command line"
    assert f": {english}; got " in error.message("en")
    assert f"：{chinese}；现为 " in error.message("zh")


def test_what_was_given_is_shown_as_the_file_has_it_and_cut(tmp_path: Path) -> None:
    assert only(failures(tmp_path, SMALL, "train.batch_rows=true")).parameters["got"] == "true"
    assert only(failures(tmp_path, SMALL, "train.batch_rows=多")).parameters["got"] == '"多"'
    long = str(only(failures(tmp_path, SMALL, "train.batch_rows=" + "x" * 500)).parameters["got"])
    assert len(long) == 80
    assert long.endswith("…")


def test_the_place_of_a_wrong_value_is_that_of_its_key_or_item(tmp_path: Path) -> None:
    error = only(failures(tmp_path, SMALL + "train:\n  batch_rows: 4\n  epochs: -1\n"))
    assert (error.place, error.parameters["key"]) == (Place(str(tmp_path / "recipe.yaml"), 6, 3), "train.epochs")
    error = only(failures(tmp_path, SMALL + "evaluate:\n  arms:\n  - base\n  - tunned\n"))
    assert (error.place, error.parameters["key"]) == (Place(str(tmp_path / "recipe.yaml"), 7, 5), "evaluate.arms.1")


def test_missing_keys_are_named(tmp_path: Path) -> None:
    codes = {(error.code, error.parameters["key"]) for error in failures(tmp_path, "seed: 1\n")}
    assert codes == {("recipe-missing-key", "name"), ("recipe-missing-key", "prepare")}
    error = only(failures(tmp_path, SMALL + "train:\n  method: {rank: 8}\n"))
    assert (error.code, error.parameters["key"]) == ("recipe-missing-key", "train.method.name")
    assert error.place == Place(str(tmp_path / "recipe.yaml"), 5, 3)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = SMALL + "seed: -1\nseed: -2\ntrain:\n  epochs: x\n  epoch: 2\n"
    errors = failures(tmp_path, text, "evaluate.few_shot=0", "nonsense", "report.lang=en", "name.x=1", "seed=[1")
    assert sorted((error.code, str(error.place).rsplit("/")[-1]) for error in errors) == [
        ("recipe-duplicate-key", "recipe.yaml:5:1"),
        ("recipe-override", "command line (name.x)"),
        ("recipe-override", "command line (nonsense)"),
        ("recipe-override", "command line (seed)"),
        ("recipe-unknown-key", "command line (report.lang)"),
        ("recipe-unknown-key", "recipe.yaml:8:3"),
        ("recipe-value", "command line (evaluate.few_shot)"),
        ("recipe-value", "command line (seed)"),
        ("recipe-value", "recipe.yaml:7:3"),
    ]


# --- what a plain word means


def test_numbers_are_numbers_and_words_are_words(tmp_path: Path) -> None:
    train = load(
        tmp_path, SMALL + "train: {learning_rate: 2e-4, epochs: 1.5e3, max_grad_norm: .5, batch_rows: 010}\n"
    ).train
    assert (train.learning_rate, train.epochs, train.max_grad_norm) == (0.0002, 1500.0, 0.5)
    assert train.batch_rows == 10  # YAML 1.1 would say 8
    for word in ("no", "on", "off", "yes", "y", "2026-01-01", "12:30", "0x1f", "1_000", ".inf", "日本: 語"[:2]):
        assert load(tmp_path, SMALL + f"  system: {word}\n").prepare.system == word
    for word, value in (("true", True), ("True", True), ("FALSE", False)):
        assert load(tmp_path, SMALL + f"train: {{share_prefixes: {word}}}\n").train.share_prefixes is value
    for word in ("null", "~", "", "Null"):
        assert load(tmp_path, SMALL + f"  system: {word}\n").prepare.system is None


def test_chinese_text_is_kept(tmp_path: Path) -> None:
    text = SMALL + "  system: 您是客服，请用中文回答。\n  group_by: 客户\n  # 注释\n"
    recipe = load(tmp_path, text)
    assert recipe.prepare.system == "您是客服，请用中文回答。"
    assert "您是客服，请用中文回答。" in dump_recipe(recipe)
    columns = load(tmp_path, "name: a\nprepare: {sources: {path: 数据.csv, columns: {text: 工单}}}\n")
    assert columns.prepare.sources[0].columns == {"text": "工单"}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff" + SMALL).name == "demo"


# --- files that are no recipe


@pytest.mark.parametrize(
    ("override", "suggestion"),
    [
        ("train.method=lroa", "lora"),
        ("train.method={name: prefx}", "prefix"),
        ("train.schedule=cosin", "cosine"),
        ("train.precision=fp23", "fp32"),
        ("train.optimizer=rmsporp", "rmsprop"),
    ],
)
def test_the_closest_choice_is_named(tmp_path: Path, override: str, suggestion: str) -> None:
    error = only(failures(tmp_path, SMALL, override))
    assert error.code == "recipe-choice"
    assert f"did you mean `{suggestion}`?" in error.hint("en")
    assert f"`{suggestion}`" in error.hint("zh")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "line", "column", "chinese"),
    [
        (SMALL + "train:\n\tepochs: 2\n", 5, 1, "缩进请用空格，不要用制表符"),
        (SMALL + "model: base: x\n", 4, 12, "同一行出现第二个"),
        (SMALL + "train\nseed: 1\n", 4, 1, "此处应为 `键: 值`，须用半角冒号"),
        (SMALL + "train: {epochs: 2\n", 5, 1, "expected"),
        (SMALL + "seed: \x07\n", 4, 7, "不允许出现字符 U+0007"),
        (SMALL + "seed: !!int 5\n", 4, 7, "标签"),
        (SMALL + "seed: !!python/object/apply:os.getpid []\n", 4, 7, "标签"),
        (SMALL + "seed: &a 5\nmodel: *a\n", 5, 8, "别名"),
        (SMALL + "seed: &a [*a]\n", 4, 11, "别名"),
        (SMALL + "seed: " + "[" * 5000 + "\n", 4, 26, "嵌套层数过多"),
        (SMALL + "  system: {{prompt}}\n", 4, 12, "键必须是普通文字"),
        ("---\nname: a\n---\nname: b\n", 3, 1, "一个文件只能写一份配方"),
        (SMALL + '  system: "\\ud83d"\n', 4, 11, "含有不完整的字符"),
        ("- name: demo\n", 1, 1, "配方应由若干部分组成"),
        ("name：demo\n", 1, 1, "配方应由若干部分组成"),
        ("\n\n5\n", 3, 1, "配方应由若干部分组成"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(
    tmp_path: Path, text: str, line: int, column: int, chinese: str
) -> None:
    error = only(failures(tmp_path, text))
    assert error.code == "recipe-yaml"
    assert error.place == Place(str(tmp_path / "recipe.yaml"), line, column)
    assert chinese in error.message("zh")
    assert error.message("en")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "null\n"])
def test_an_empty_file_is_no_recipe(tmp_path: Path, text: str) -> None:
    assert only(failures(tmp_path, text)).code == "recipe-yaml"


def test_a_missing_file_and_a_folder_are_no_recipe(tmp_path: Path) -> None:
    for file in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(TunesmithError) as caught:
            load_recipe(file)
        assert (caught.value.code, caught.value.place) == ("recipe-missing", Place(str(file)))


def test_a_file_in_gbk_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_bytes((SMALL + "  system: 您好\n").encode("gbk"))
    with pytest.raises(TunesmithError) as caught:
        load_recipe(file)
    assert (caught.value.code, caught.value.place) == ("recipe-encoding", Place(str(file), 4))


@pytest.mark.thorough
def test_a_very_long_file_is_read_in_linear_time(tmp_path: Path) -> None:
    def read(num_columns: int) -> None:
        columns = "".join(f"      column_{i}: name of {i}\n" for i in range(num_columns))
        text = f"name: a\nprepare:\n  sources:\n    path: b\n    columns:\n{columns}"
        assert len(load(tmp_path, text).prepare.sources[0].columns) == num_columns

    # eight times the lines; squared, that would be 64
    enough = min(10.0, 40 * max(least_seconds(lambda: read(500), 0.02), 0.02))
    assert least_seconds(lambda: read(4000), enough) < enough


# --- overrides


def test_overrides_are_typed_and_win_over_the_file(tmp_path: Path) -> None:
    recipe = load(
        tmp_path,
        SMALL + "train: {epochs: 2, batch_rows: 4}\n",
        "train.learning_rate=2e-4",
        "train.epochs=5",
        "train.max_steps=",
        "train.share_prefixes=false",
        "prepare.sources=[a.csv, {hub: org/set, hub_split: 'train[:500]'}]",
        "prepare.system=a = b",
        "evaluate.arms=[base, tuned]",
        "variants.wide.method.name=full",
        "report={language: zh}",
    )
    assert (recipe.train.learning_rate, recipe.train.epochs, recipe.train.batch_rows) == (2e-4, 5.0, 4)
    assert recipe.train.max_steps is None
    assert recipe.train.share_prefixes is False
    assert [source.path or source.hub for source in recipe.prepare.sources] == ["a.csv", "org/set"]
    assert recipe.prepare.system == "a = b"
    assert recipe.evaluate.arms == ("base", "tuned")
    assert recipe.variants["wide"].method == Full()
    assert recipe.report.language == "zh"


def test_an_override_may_supply_what_the_file_lacks(tmp_path: Path) -> None:
    assert load(tmp_path, "name: a\n", "prepare.sources=x.csv").prepare.sources[0].path == "x.csv"
    assert load(tmp_path, SMALL + "train:\n", "train.epochs=2").train.epochs == 2


@pytest.mark.parametrize(
    "override", ["train.epochs", "=5", "train..epochs=5", ".=1", "train.=1", "prepare.sources.0=a"]
)
def test_an_override_that_cannot_be_read_is_shown(tmp_path: Path, override: str) -> None:
    error = only(failures(tmp_path, SMALL.replace("rows.jsonl", "[rows.jsonl]"), override))
    assert (error.code, error.parameters["override"]) == ("recipe-override", override)
    assert error.place == Place("command line", field=override.partition("=")[0])


def test_a_mistake_below_an_override_is_placed_on_the_command_line(tmp_path: Path) -> None:
    text = SMALL + "train: {epochs: 2}\n"
    error = only(failures(tmp_path, text, "train={epochs: -1}"))
    assert error.place == Place("command line", field="train")
    error = only(failures(tmp_path, text, "trian.epochs=1"))
    assert (error.code, error.place) == ("recipe-unknown-key", Place("command line", field="trian.epochs"))
    error = only(failures(tmp_path, text, "train={epochs: 1, epochs: 2}"))
    assert error.code == "recipe-duplicate-key"
    assert error.place is not None
    assert error.place.file == "command line"


def test_the_short_form_of_a_method_and_overrides_after_it(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL + "train: {method: full}\n").train.method == Full()
    assert load(tmp_path, SMALL + "train: {method: lora}\n").train.method == Lora()
    assert load(tmp_path, SMALL + "train: {method: lora}\n", "train.method.rank=8").train.method == Lora(rank=8)
    assert load(tmp_path, SMALL, "train.method=lora", "train.method.rank=8").train.method == Lora(rank=8)
    assert load(tmp_path, SMALL, "train.method={name: lora, targets: [q_proj]}").train.method == Lora(
        targets=("q_proj",)
    )


# --- round trip

WORDS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[-+]?[0-9]{1,4}(\.[0-9]{0,3})?([eE][-+]?[0-9]{1,2})?", fullmatch=True),
    st.sampled_from(
        ["no", "on", "null", "~", "true", "True", "010", "0x1f", "1_000", "12:30", "=", "<<", ".inf", "a\tb", " "]
    ),
)
FLOATS = st.floats(min_value=1e-12, max_value=1e12)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        ("name",): st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}", fullmatch=True),
        ("seed",): st.integers(0, 2**32 - 1),
        ("model", "revision"): WORDS,
        ("prepare", "system"): WORDS,
        ("prepare", "group_by"): st.none() | WORDS,
        ("prepare", "sources"): st.lists(
            st.fixed_dictionaries({"path": WORDS, "columns": st.dictionaries(WORDS, WORDS, max_size=3)}),
            min_size=1,
            max_size=3,
        ),
        ("train", "learning_rate"): st.none() | FLOATS,
        ("train", "epochs"): FLOATS | st.integers(1, 100),
        ("train", "share_prefixes"): st.booleans(),
        ("train", "method"): st.sampled_from(["full", "lora"])
        | st.fixed_dictionaries({"name": st.just("lora"), "rank": st.integers(1, 512), "targets": st.lists(WORDS)}),
        ("evaluate", "decoding"): st.fixed_dictionaries({"temperature": st.none() | FLOATS}),
        ("variants", "other"): st.fixed_dictionaries({"epochs": FLOATS}),
    },
)


@pytest.mark.thorough
@settings(max_examples=30, deadline=None, database=None)
@given(changes=CHANGES)
def test_a_resolved_recipe_is_itself_a_recipe_and_equal(
    changes: dict[tuple[str, ...], object], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("round_trip")
    # JSON is a part of YAML: each value goes in as a user may write it
    overrides = [".".join(path) + "=" + as_yaml(value) for path, value in changes.items()]
    recipe = load(folder, SMALL, *overrides)
    resolved = dump_recipe(recipe)
    again = load(folder, resolved)
    assert again == recipe
    assert again.fingerprint() == recipe.fingerprint()
    assert dump_recipe(again) == resolved
    for path, value in changes.items():
        if not isinstance(value, (dict, list)) and path != ("train", "method"):
            assert reach(recipe, path) == value


def as_yaml(value: object) -> str:
    """Flow YAML with every text in double quotes."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return yaml.safe_dump(value, default_style='"', width=10**6, allow_unicode=False).strip()
        case list():
            return "[" + ", ".join(as_yaml(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"? {as_yaml(key)} : {as_yaml(item)}" for key, item in value.items()) + "}"
    return repr(value)


def reach(recipe: Recipe, path: tuple[str, ...]) -> object:
    node: object = recipe.model_dump()
    for key in path:
        assert isinstance(node, dict)
        node = node[key]
    return node


def test_other_yaml_readers_understand_the_resolved_recipe(tmp_path: Path) -> None:
    recipe = load(tmp_path, SMALL, "prepare.system=no", "prepare.group_by='2e-4'", "train.learning_rate=1e-5")
    assert yaml.safe_load(dump_recipe(recipe)) == recipe.model_dump(mode="json")


@pytest.mark.parametrize(
    ("text", "line", "is_second"),
    [
        ("name：demo\nprepare: {sources: a}\n", 1, False),
        ("name: demo\nprepare\n\n  sources: a\n", 2, False),
        (SMALL + "report: language: zh\n", 4, True),
    ],
)
def test_a_colon_that_is_missing_is_told_from_one_too_many(
    tmp_path: Path, text: str, line: int, is_second: bool
) -> None:
    error = only(failures(tmp_path, text))
    assert error.place is not None
    assert (error.code, error.place.line) == ("recipe-yaml", line)
    assert ("a second `: `" in error.message()) == is_second


def test_a_seed_is_one_that_every_generator_takes(tmp_path: Path) -> None:
    assert load(tmp_path, SMALL + "seed: 4294967295\n").seed == 2**32 - 1
    error = only(failures(tmp_path, SMALL + "seed: 4294967296\n"))
    assert (error.code, "4294967295" in error.message()) == ("recipe-value", True)
