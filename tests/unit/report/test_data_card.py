from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from data_material import NUM_BAD, NUM_EQUAL, NUM_ROWS, NUM_WITHOUT_LABEL, edited, make_card, make_dataset
from huggingface_hub import DatasetCard
from pages import Page, numbers
from scipy.stats import binomtest
from scipy.stats.contingency import association as scipy_association
from tiny_models import TEMPLATE, make_chat

from tunesmith.artifacts import Dataset, DatasetReport, publish
from tunesmith.artifacts.dataset import (
    AugmentReport,
    Balanced,
    BalanceReport,
    LongText,
    Making,
    Overlap,
    write_examples,
)
from tunesmith.artifacts.quality import Criterion, FaultyRow, Part, QualityReport, Region, Representativeness
from tunesmith.errors import Place
from tunesmith.i18n.catalogue import CATALOGUE
from tunesmith.i18n.data_card import TEXTS
from tunesmith.metrics.wording import Language, Words
from tunesmith.recipe.augment import AnyMaking
from tunesmith.records import SPLITS, Example, Message
from tunesmith.report import Card, Reader, data_card
from tunesmith.report import data_rows as rows_module
from tunesmith.report.data_bias import bias_parts
from tunesmith.text.personal.measured import measured

LANGUAGES: tuple[Language, ...] = ("en", "zh")
SAID = re.compile(r"anonymi[sz]ed|匿名化", re.IGNORECASE)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("data"), personal={"mode": "mask"})


@pytest.fixture(scope="module")
def card(dataset: Dataset) -> Card:
    return make_card(dataset)


@pytest.fixture(scope="module")
def texts(card: Card, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Page and Markdown by language."""
    out = tmp_path_factory.mktemp("out")
    return {language: written(card, out / language, language) for language in LANGUAGES}


@pytest.fixture(scope="module")
def page(texts: dict[str, tuple[str, str]]) -> Page:
    return Page(texts["en"][0])


def written(card: Card, out: Path, language: Language = "en") -> tuple[str, str]:
    files = data_card(card, language=language, out=out)
    return files.html.read_text(encoding="utf-8"), files.card.read_text(encoding="utf-8")


def body(page: Page, table: str) -> list[list[str]]:
    """The cells of a table without its header."""
    return [[cell.strip() for cell in row] for row in page.tables[table][1:]]


@pytest.mark.thorough
def test_every_row_is_accounted_for_with_its_place(page: Page, dataset: Dataset) -> None:
    read, kept, rejected = numbers(page.texts["counts"])
    assert read == kept + rejected == NUM_ROWS + NUM_BAD + NUM_EQUAL + NUM_WITHOUT_LABEL
    assert rejected == NUM_BAD + NUM_EQUAL + NUM_WITHOUT_LABEL
    found = {row[0]: (int(row[1]), row[2].split()) for row in body(page, "rejects")}
    assert {name: number for name, (number, _) in found.items()} == {
        "no label": NUM_WITHOUT_LABEL,
        "equal to an earlier row": NUM_EQUAL,
        "not valid JSON": NUM_BAD,
    }
    first_bad = NUM_ROWS // 2 + 1
    assert [place.rpartition("/")[2] for place in found["not valid JSON"][1]] == [
        f"desk.jsonl:{first_bad + number}" for number in range(3)
    ]
    assert sum(numbers(page.texts["splits"])) == kept
    assert {row[0]: int(row[1]) for row in body(page, "changes")} == {
        Words("en")(f"change.{code}"): number for code, number in dataset.report().changes.items()
    }


def test_the_word_anonymised_never_stands_without_its_figure(dataset: Dataset, tmp_path: Path) -> None:
    least = min(measured().values(), key=lambda figures: figures.recall)
    interval = binomtest(least.found, least.found + least.missed).proportion_ci(method="wilson")
    wanted = [f"{value:.3f}" for value in (least.recall, interval.low, interval.high)]
    for mode in ("mask", "remove", "pseudonym"):
        other = with_mode(dataset, mode)
        for language in LANGUAGES:
            for text in written(make_card(other, with_model=False), tmp_path / mode, language):
                sentences = [part for part in re.split(r"(?<=[.。])\s|\n|。|<", text) if SAID.search(part)]
                assert sentences
                assert all(figure in sentence for sentence in sentences for figure in wanted)


def with_mode(dataset: Dataset, mode: str) -> Dataset:
    """The same rows, as if the recipe had asked for another treatment of personal data."""
    personal = {**dataset.manifest.section["personal"], "mode": mode, "key": "KEY" if mode == "pseudonym" else None}
    section = {**dataset.manifest.section, "personal": personal}
    return Dataset(dataset.folder, dataset.manifest.model_copy(update={"section": section}))


def test_where_nothing_was_looked_for_nothing_is_claimed(dataset: Dataset, tmp_path: Path) -> None:
    card = make_card(with_mode(dataset, "off"), with_model=False)
    for language in LANGUAGES:
        for text in written(card, tmp_path / "out", language):
            assert not SAID.search(text)
    html = (tmp_path / "out" / "prepare.html").read_text(encoding="utf-8")
    assert "personal" not in Page(html).tables
    assert "`off`" not in html.partition("</style>")[2]


def test_recall_and_precision_stand_by_the_type_with_wilson_intervals(page: Page, dataset: Dataset) -> None:
    rows = {row[0]: row[1:] for row in body(page, "personal")}
    figures = measured()
    assert int(rows["e-mail addresses"][0]) == dataset.report().personal["email"] == NUM_ROWS // 2 + NUM_EQUAL // 2
    for place, language in enumerate(("en", "zh"), 1):
        found = figures["name", language]
        for column, (good, bad) in ((place, (found.found, found.missed)), (place + 2, (found.right, found.wrong))):
            interval = binomtest(good, good + bad).proportion_ci(method="wilson")
            expected = [good / (good + bad), interval.low, interval.high]
            assert numbers(rows["names"][column]) == pytest.approx(expected, abs=6e-4)
    assert rows["names in no list"][0] == "–"


def test_the_proof_names_each_split_with_its_hash_and_no_overlap(page: Page, dataset: Dataset) -> None:
    assert all(row[1:] == ["0"] * 4 for row in body(page, "overlaps"))
    proof = dataset.report().proof
    for split, row in zip(SPLITS, body(page, "frozen"), strict=True):
        assert row[4] == proof.ids_sha256[split]
        assert int(row[1]) == dataset.report().splits[split]
        assert int(row[2]) == proof.distinct_prompts[split]
    assert [row[0] for row in body(page, "contamination")] == ["Test"]


def test_overlap_is_cried_out(dataset: Dataset, tmp_path: Path) -> None:
    def leak(report: DatasetReport) -> DatasetReport:
        shared = {**report.proof.shared, "train/test": Overlap(prompts=3, groups=0, clusters=2)}
        return report.model_copy(update={"proof": report.proof.model_copy(update={"shared": shared})})

    html, _ = written(make_card(edited(dataset, tmp_path / "leak", leak), with_model=False), tmp_path / "out")
    assert 'data-testid="headline" data-tone="bad"' in html
    assert "share 3 prompts" in Page(html).texts["proof"]
    assert ["Training and Test", "3", "0", "2", "0"] in body(Page(html), "overlaps")


def test_tokens_are_those_that_the_model_reads(page: Page, card: Card) -> None:
    assert card.reader is not None
    by_name = {row[0]: numbers(" ".join(row[1:])) for row in body(page, "tokens")}
    rendered = card.reader.chat.render_many(card.dataset.rows("train"))
    for name, lengths in (
        ("Training", [len(row.ids_T) for row in rendered]),
        ("Training, supervised only", [int((row.weights_T > 0).sum()) for row in rendered]),
    ):
        expected = np.quantile(lengths, [0, 0.25, 0.5, 0.75, 0.95, 1], method="nearest")
        assert by_name[name] == pytest.approx(expected.tolist(), abs=1)
        assert by_name[name][0] == min(lengths)
        assert by_name[name][5] == max(lengths)
    assert f"{sum(len(row.ids_T) for row in rendered):,} tokens" in page.texts["token-notes"]


def test_a_large_split_is_measured_on_a_sample_and_says_so(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "NUM_MEASURED", 50)
    notes = Page(written(card, tmp_path)[0]).texts["token-notes"]
    train = card.dataset.rows("train")
    assert f"Counted on 50 of the {len(train)} training rows" in notes
    assert card.reader is not None
    total = sum(len(row.ids_T) for row in card.reader.chat.render_many(train))
    estimate = numbers(notes.partition("about")[2])[0]
    assert estimate == pytest.approx(total, rel=0.1)


def test_shown_rows_mark_what_is_supervised(texts: dict[str, tuple[str, str]], card: Card) -> None:
    html = texts["en"][0]
    assert card.reader is not None
    seen = html.partition('<section id="seen">')[2].partition("</section>")[0]
    articles = re.findall(r'<div class="text row" dir="auto">(.*?)</div>', seen, re.DOTALL)
    assert len(articles) == 3
    chat = card.reader.chat
    for article, example in zip(articles, sorted(card.dataset.rows("train"), key=lambda row: row.id), strict=False):
        marked = Page(f"<p data-testid='marked'>{''.join(re.findall(r'<mark>(.*?)</mark>', article, re.DOTALL))}</p>")
        whole = Page(f"<p data-testid='whole'>{article}</p>")
        rendered = chat.render(example)
        assert whole.texts["whole"] == chat.decode_all(rendered.ids_T.tolist())
        assert marked.texts["marked"].startswith(example.answer.content)
        assert marked.texts["marked"] == chat.decode_all(rendered.ids_T[rendered.weights_T > 0].tolist())


def test_a_long_row_is_cut_and_says_how_much(card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MAX_CHARACTERS", 40)
    html, _ = written(card, tmp_path)
    assert card.reader is not None
    first = min(card.dataset.rows("train"), key=lambda row: row.id)
    whole = card.reader.chat.decode_all(card.reader.chat.render(first).ids_T.tolist())
    assert f"… {len(whole) - 40} more characters" in html


def test_a_template_that_drops_earlier_thinking_is_told_of(dataset: Dataset, tmp_path: Path) -> None:
    forgetting = TEMPLATE.replace("if m.reasoning_content is string", "if m.reasoning_content is string and loop.last")
    turns = (Message("user", "6 times 7?"), Message("assistant", "42", "six sevens"))
    more = (Message("user", "再加八呢？"), Message("assistant", "五十", "四十二加八"))
    report = dataset.report().model_copy(update={"splits": {"train": 2, "validation": 0, "test": 0}})
    with publish(tmp_path / "d", dataset.manifest.identity) as staging:
        examples = [Example("a" * 16, turns + more, Place("x.jsonl", 1)), Example("b" * 16, turns, Place("x.jsonl", 2))]
        write_examples(staging / "train.jsonl", examples)
        for split in ("validation", "test"):
            write_examples(staging / f"{split}.jsonl", [])
        (staging / "report.json").write_text(report.model_dump_json(), encoding="utf-8")
    chat = make_chat(tmp_path / "model", forgetting)
    html, _ = written(Card(Dataset.open(tmp_path / "d"), "turns", Reader("base", chat, 99)), tmp_path / "out")
    page = Page(html)
    taught = chat.training_rows(examples)
    assert len(taught) == 3
    assert "2 conversations are taught as 3 rows" in page.texts["token-notes"]
    assert f"{sum(len(row.ids_T) for row in taught):,} tokens" in page.texts["token-notes"]
    assert "the last of the 2 rows" in html
    marked = re.findall(r"<mark>(.*?)</mark>", html.partition('data-testid="seen"')[2], re.DOTALL)
    assert ["五十" in marked[0], "42" in marked[0], "42" in marked[1]] == [True, False, True]
    assert body(page, "tokens")[0][0] == "Training"
    assert len(body(page, "tokens")) == 2


def test_rows_that_were_too_long_are_told_with_what_became_of_them(dataset: Dataset, tmp_path: Path) -> None:
    long_text = LongText(policy="window", max_tokens=512, rows=5, cut=0, windowed=4, windows=19, dropped=1)
    other = edited(
        dataset,
        tmp_path / "long",
        lambda r: r.model_copy(update={"long_text": long_text, "added": 15, "kept": r.kept + 15}),
    )
    html, markdown = written(make_card(other, with_model=False), tmp_path / "out")
    assert "Rows longer than 512 tokens" in html
    assert numbers(Page(html).texts["long"]) == [5, 4, 19, 1]
    assert "read + 15 more windows = kept + rejected" in Page(html).texts["checks"]
    assert "- Windows made of them: 19" in markdown
    none = long_text.model_copy(update={"rows": 0, "windowed": 0, "windows": 0, "dropped": 0})
    short = edited(dataset, tmp_path / "short", lambda r: r.model_copy(update={"long_text": none}))
    assert "No row is longer than 512 tokens." in written(make_card(short, with_model=False), tmp_path / "out")[0]


def notes(report: DatasetReport, kind: str) -> dict[str, str]:
    part = next(part for part in bias_parts(report, Words("en")) if part.kind == kind)
    return {note.text: note.tone for note in part.notes}


def test_planted_bias_is_marked_and_nothing_else(dataset: Dataset) -> None:
    report = dataset.report()
    (uneven,) = [text for text, tone in notes(report, "selection").items() if tone == "warn"]
    lost, read = NUM_EQUAL + NUM_WITHOUT_LABEL, NUM_ROWS // 2 + NUM_EQUAL + NUM_WITHOUT_LABEL
    assert f"客服.csv {100 * lost / read:.1f}%" in uneven
    assert f"desk.jsonl {100 * NUM_BAD / (NUM_BAD + NUM_ROWS // 2):.3g}%" in uneven
    assert "warn" not in notes(report, "sampling").values()
    by_label = notes(report, "label")
    assert sum(tone == "warn" for tone in by_label.values()) == 2
    assert any(text.startswith("The language tells of the label") and tone == "warn" for text, tone in by_label.items())
    drift = notes(report, "historical")
    assert any(text.startswith("The labels change over time") and tone == "warn" for text, tone in drift.items())
    assert any(text.startswith("The languages do not change") and tone == "good" for text, tone in drift.items())
    assert any("question went from" in text or "complaint went from" in text for text in drift)


def test_the_strength_of_a_tie_is_near_the_textbooks(dataset: Dataset) -> None:
    examples = [row for split in SPLITS for row in dataset.rows(split)]
    labels = sorted({str(row.label) for row in examples})
    counts = Counter((row.metadata["date"][:4], row.label) for row in examples)
    table = np.array([[counts[str(year), label] for label in labels] for year in range(2021, 2025)])
    textbook = scipy_association(table, method="cramer")
    drift = next(text for text in notes(dataset.report(), "historical") if text.startswith("The labels change"))
    assert numbers(drift.partition("V")[2])[0] == pytest.approx(textbook, abs=0.03)


def test_without_labels_times_or_counted_bias_the_page_says_so(dataset: Dataset, tmp_path: Path) -> None:
    def bare(report: DatasetReport) -> DatasetReport:
        assert report.bias is not None
        bias = report.bias.model_copy(update={"times": None, "rates": []})
        return report.model_copy(update={"labels": {}, "bias": bias, "reasons": {}, "changes": {}})

    html, _ = written(make_card(edited(dataset, tmp_path / "bare", bare), with_model=False), tmp_path / "out")
    assert not {"labels", "rates", "rejects", "changes", "tokens", "balance"} & set(Page(html).tables)
    assert "so that drift cannot be told" in html
    old = edited(dataset, tmp_path / "old", lambda report: report.model_copy(update={"bias": None}))
    assert "prepare it again" in written(make_card(old, with_model=False), tmp_path / "out")[0]


def test_balance_shows_each_category_before_and_after(dataset: Dataset, tmp_path: Path) -> None:
    categories = {
        "question": Balanced(before=200, rows=200, visits=200, weight=1),
        "invoice": Balanced(before=20, rows=20, visits=100, weight=1.5),
    }
    balance = BalanceReport(by="label", method="over", categories=categories)
    other = edited(dataset, tmp_path / "b", lambda report: report.model_copy(update={"balance": balance}))
    html, markdown = written(make_card(other, with_model=False), tmp_path / "out")
    assert body(Page(html), "balance") == [
        ["question", "200", "200", "200", "1"],
        ["invoice", "20", "20", "100", "1.5"],
    ]
    assert [float(width) for width in re.findall(r"width:([\d.]+)%", html.partition('data-testid="balance"')[2])][
        :4
    ] == [100, 100, 10, 75]
    assert "| invoice | 20 | 20 | 100 | 1.5 |" in markdown


def test_made_rows_stand_by_their_method_with_the_model_that_wrote_them(dataset: Dataset, tmp_path: Path) -> None:
    methods = [
        Making(method="synonyms", model=None, made=50, kept=41, rejected={"augment-unlike": 6, "augment-label": 3}),
        Making(method="paraphrase", model="teacher-7b", made=9, kept=9, rejected={}),
    ]

    def augmented(report: DatasetReport) -> DatasetReport:
        splits = {**report.splits, "train": report.splits["train"] + 50}
        return report.model_copy(update={"augment": AugmentReport(methods=methods), "splits": splits})

    html, markdown = written(make_card(edited(dataset, tmp_path / "m", augmented), with_model=False), tmp_path / "out")
    assert body(Page(html), "made") == [
        ["synonyms", "–", "50", "41", "too unlike the row 6, a classifier sees another label in it 3"],
        ["paraphrase", "teacher-7b", "9", "9", "–"],
    ]
    assert "Of the training rows, 50 were made by augmentation" in Page(html).texts["headline"]
    assert "| paraphrase | teacher-7b | 9 | 9 | – |" in markdown
    names = {making.model_fields["name"].default for making in get_args(get_args(AnyMaking)[0])}
    assert {f"data.made.{name}" for name in names} <= set(TEXTS)


def three_c() -> QualityReport:
    fault = FaultyRow(part="probe", id="0" * 16, place="desk.jsonl:9", detail="<b>odd</b>", against="desk.jsonl:4")
    part = Part(score=0.8, judged=200, faulty=40)
    return QualityReport(
        consistency=Criterion(score=0.8, parts={"probe": part}, worst=[fault]),
        completeness=Criterion(score=0.984, parts={"probe": Part(score=0.984, judged=500, faulty=8)}, worst=[]),
        correctness=Criterion(score=None, parts={}, worst=[]),
        coverage={"region": {"north": 12, "south": 0}},
        representativeness=Representativeness(
            expected="served.jsonl",
            texts=90,
            rows=300,
            covered=0.7,
            covered_if_alike=0.95,
            similarity=0.41,
            distance=0.0123,
            p_value=0.0001,
            regions=[Region(texts=27, share=0.3, examples=["What about <i>tax</i>?"])],
        ),
    )


def test_the_3c_score_stands_with_its_parts_and_worst_rows(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, "quality.part.probe", ("a probe", "探针"))
    other = edited(dataset, tmp_path / "q", quality=three_c())
    html, markdown = written(make_card(other, with_model=False), tmp_path / "out")
    page = Page(html)
    assert numbers(re.sub(r"[^\d. ]", " ", page.texts["criterion"])) == [0.8, 0.984]
    assert body(page, "parts")[0] == ["a probe", "0.800", "200", "40"]
    assert body(page, "worst") == [["a probe", "desk.jsonl:9", "<b>odd</b>", "desk.jsonl:4"]]
    assert [row[2].split() for row in body(page, "coverage")] == [["12"], ["0", "missing"]]
    assert numbers(page.texts["covered"]) == [70, 95]
    assert body(page, "regions") == [["What about <i>tax</i>?", "27", "30%"]]
    assert "**Consistency: 0.800**" in markdown
    assert "探针" in written(make_card(other, with_model=False), tmp_path / "out", "zh")[0]


def test_lineage_names_inputs_files_and_a_section_that_can_be_read_again(page: Page, dataset: Dataset) -> None:
    for name, hash in dataset.manifest.inputs.items():
        assert name in page.texts["inputs"]
        assert hash in page.texts["inputs"]
    assert {row[0]: row[2] for row in body(page, "files")} == {
        name: entry.sha256 for name, entry in dataset.manifest.files.items()
    }
    recipe = yaml.safe_load(page.texts["recipe"].removeprefix(Words("en")("data.lineage.recipe")))
    assert recipe == {"seed": 0, "prepare": json.loads(json.dumps(dataset.manifest.section))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_languages_say_everything(texts: dict[str, tuple[str, str]], language: Language) -> None:
    other = Page(texts["zh" if language == "en" else "en"][0])
    page = Page(texts[language][0])
    assert not re.search(
        r"\b(?:data|report|reject|change|quality)\.[a-z_]+\.?[a-z_-]*\b(?<!data\.key)(?<!quality\.json)",
        _shown(texts[language][0]),
    )
    assert page.tags == other.tags
    assert list(page.tables) == list(other.tables)
    for table in page.tables:
        assert len(page.tables[table]) == len(other.tables[table])
    english = {TEXTS[key][0] for key in TEXTS if len(TEXTS[key][0]) > 12 and "{" not in TEXTS[key][0]}
    said = {sentence for sentence in english if sentence in _shown(texts[language][0])}
    assert bool(said) == (language == "en"), said


def _shown(html: str) -> str:
    return html.partition("</style>")[2].replace("rejects.jsonl", "").replace("report.json", "")


def test_headings_and_table_headers_can_be_walked_by_ear(texts: dict[str, tuple[str, str]]) -> None:
    html = texts["en"][0]
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert not re.findall(r"<th(?=[ >])(?! scope=)", html)
    anchors = set(re.findall(r'href="#([a-z]+)"', html))
    assert anchors <= set(re.findall(r'id="([a-z]+)"', html))
    assert {
        "rows",
        "privacy",
        "labels",
        "lengths",
        "duplicates",
        "split",
        "contamination",
        "bias",
        "lineage",
    } <= anchors


def test_markup_in_the_data_stays_text(dataset: Dataset, tmp_path: Path) -> None:
    attack = "<script>alert(1)</script> | `x` [a](b) </style>"

    def poison(report: DatasetReport) -> DatasetReport:
        source = report.sources[0].model_copy(update={"file": attack})
        labels = {attack: {"train": 9, "validation": 1, "test": 1}}
        return report.model_copy(update={"labels": labels, "sources": [source, *report.sources[1:]]})

    card = replace(make_card(edited(dataset, tmp_path / "a", poison), with_model=False), name=attack)
    html, markdown = written(card, tmp_path / "out")
    page = Page(html)
    assert "script" not in page.tags
    assert page.tags.count("style") == 1
    assert attack in page.tables["labels"][1][0]
    assert "<script>" not in markdown.partition("---\n\n")[2]


def test_the_page_needs_nothing_but_itself(page: Page, texts: dict[str, tuple[str, str]]) -> None:
    assert not {"script", "iframe", "object", "img"} & set(page.tags)
    assert not re.findall(r"(?:src|href|url\()\s*=?\s*[\"']?(?:https?:)?//", texts["en"][0])
    assert "default-src 'none'" in texts["en"][0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_is_one_that_the_hub_reads(texts: dict[str, tuple[str, str]], language: Language) -> None:
    data: Any = DatasetCard(texts[language][1]).data
    assert data.to_dict() == {
        "pretty_name": "service_desk",
        "language": ["en", "zh"],
        "license": "other",
        "task_categories": ["text-classification"],
        "size_categories": ["n<1K"],
        "tags": ["tunesmith"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": f"{split}.jsonl"} for split in SPLITS],
            }
        ],
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_markdown_table_is_whole(texts: dict[str, tuple[str, str]], language: Language) -> None:
    markdown = texts[language][1].partition("---\n\n")[2].partition("```yaml")[0]
    tables = re.findall(r"(?:^\|.*\n)+", markdown, re.MULTILINE)
    assert len(tables) >= 10
    for table in tables:
        lines = table.splitlines()
        assert re.fullmatch(r"\|(?:-+:?\|)+", lines[1])
        assert len({line.count("|") for line in lines}) == 1
    assert not re.search(r"\n{4,}", markdown)
    code = markdown.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")


@pytest.mark.thorough
def test_writing_again_gives_the_same_bytes(card: Card, tmp_path: Path) -> None:
    assert written(card, tmp_path) == written(card, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["DATACARD.md", "prepare.html"]
