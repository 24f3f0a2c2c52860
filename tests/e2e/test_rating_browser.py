"""The page for raters in a real browser: three items rated by keyboard, downloaded, imported."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rating_material import rated_scorecard
from store_material import START, exchange

from tunesmith.artifacts import Scorecard
from tunesmith.artifacts.ratings import read_ratings
from tunesmith.evaluate.rating import RatingPlan, rating_tasks
from tunesmith.lifecycle.feedback import import_reviews, queue_of, write_review_page
from tunesmith.lifecycle.ratings import import_files, rated_of, write_page
from tunesmith.store import Review, add_reviews, open_store, review_ratings, reviews_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = Path("/usr/bin/chromium")
EVIL = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\"> 答案：是。"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="apt-get install -y chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    yield context
    context.close()


def plan(*, is_pairs: bool = False) -> RatingPlan:
    return RatingPlan(("base", "tuned"), is_pairs, "安娜", 3)


def made(folder: Path, *, is_pairs: bool = False) -> tuple[Scorecard, Path]:
    scorecard = rated_scorecard(folder / "card", said=lambda arm, number: f"{number} {len(arm)} {EVIL}")
    write_page(scorecard, plan(is_pairs=is_pairs), folder / "page.html", "en")
    return scorecard, folder / "page.html"


def visit(context: BrowserContext, file: Path) -> tuple[Page, list[str]]:
    """The page, and what it complained of or asked for."""
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda failure: trouble.append(str(failure)))
    own = (file.as_uri(), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else trouble.append(request.url))
    page.goto(file.as_uri())
    return page, trouble


def test_three_items_by_keyboard_there_and_back(context: BrowserContext, tmp_path: Path) -> None:
    scorecard, file = made(tmp_path)
    page, trouble = visit(context, file)
    assert page.title() == "Rate answers"
    assert "</script><script>" in page.locator(".said").inner_text()
    thinking = page.locator('[data-fold="thinking"]')
    page.keyboard.press("t")
    assert thinking.get_attribute("open") is not None
    page.keyboard.press("c")
    page.keyboard.type("12 is wrong")  # digits of a comment are no grades
    page.keyboard.press("Escape")
    page.keyboard.type("54")
    assert page.locator(".dimension.current").get_attribute("data-dimension") == "domain_fit"
    page.keyboard.type("0")
    assert "Item 2 of 6, 1 done" in page.locator("#place").inner_text()

    page.reload()  # progress is kept
    assert "Item 2 of 6, 1 done" in page.locator("#place").inner_text()
    page.keyboard.press("ArrowLeft")
    assert page.locator('[data-dimension="accuracy"] [aria-pressed="true"]').inner_text().startswith("5")
    assert page.locator("#comment").input_value() == "12 is wrong"
    page.keyboard.press("l")
    assert page.title() == "为回答评分"
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.keyboard.press("ArrowRight")
    page.keyboard.type("123" * 5)
    assert page.locator("#finished").is_visible()
    with page.expect_download() as downloading:
        page.keyboard.press("d")
    downloading.value.save_as(tmp_path / "back.json")
    assert downloading.value.suggested_filename == "ratings-安娜.json"
    assert trouble == []

    (came,) = import_files(scorecard, [tmp_path / "back.json"], tmp_path)
    assert (came.rater, came.ratings, came.new) == ("安娜", 18, 18)
    tasks = rating_tasks(scorecard.samples(), plan())
    ratings = read_ratings(tmp_path / "ratings" / "安娜.jsonl")
    expected = [(task.shown, dimension) for task in tasks for dimension in task.dimensions]
    assert [(r.shown, r.dimension) for r in ratings] == expected
    assert [r.value for r in ratings] == [5, 4, None, *([1, 2, 3] * 5)]
    assert ratings[0].comment == "12 is wrong"
    (rated,) = rated_of(scorecard, tmp_path)
    assert rated.not_told == 1
    page.close()


def test_pairs_stand_side_by_side_and_on_a_phone_nothing_scrolls_sideways(
    context: BrowserContext, tmp_path: Path
) -> None:
    scorecard, file = made(tmp_path, is_pairs=True)
    page, trouble = visit(context, file)
    tasks = rating_tasks(scorecard.samples(), plan(is_pairs=True))
    left, right = page.locator(".said").all_inner_texts()
    assert (left, right) == tuple(sample.answer for sample in tasks[0].samples)
    assert page.locator(".answer").nth(1).bounding_box()["x"] > 400  # type: ignore[index]
    page.locator('[data-value="both_bad"]').click()
    page.keyboard.type("9")  # stands for nothing
    page.keyboard.type("1")
    assert "Item 3 of 3, 2 done" in page.locator("#place").inner_text()
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert trouble == []
    page.close()


def test_an_expert_says_what_would_have_been_right(context: BrowserContext, tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/s.db", clock=lambda: START, key_file=tmp_path / "key") as store:
        for number in range(2):
            store.record(exchange(number))
        store.flush()
        add_reviews(store, [Review(exchange(number).id, "2026-03-02", "random", START) for number in range(2)])
        queue = queue_of(store, reviews_of(store))
        review = queue.plan("安娜", 0)
        write_review_page(queue, review, tmp_path / "page.html", "zh")
        page, trouble = visit(context, tmp_path / "page.html")
        page.keyboard.type("12a")
        page.keyboard.type("退货 123")  # no grades, and no key of the page
        page.keyboard.press("Escape")
        page.reload()
        assert page.locator("#correction").input_value() == "退货 123"
        assert "正确的回答" in page.locator("#right").inner_text()
        page.keyboard.type("3555")
        with page.expect_download() as downloading:
            page.keyboard.press("d")
        downloading.value.save_as(tmp_path / "back.json")
        assert trouble == []
        page.close()
        (came,) = import_reviews(store, "support-bot", [tmp_path / "back.json"])
        assert (came.rater, came.ratings, came.new) == ("安娜", 7, 7)
        first = queue.tasks(review)[0].item
        said = {one.dimension: (one.value, one.text) for one in review_ratings(store) if one.exchange == first}
    grades = {"accuracy": (1, None), "fluency": (2, None), "domain_fit": (3, None)}
    assert said == {**grades, "correction": (None, "退货 123")}


def test_a_page_of_a_scorecard_asks_for_no_right_answer(context: BrowserContext, tmp_path: Path) -> None:
    _, file = made(tmp_path)
    page, trouble = visit(context, file)
    page.keyboard.type("a5")
    assert not page.locator("#right").is_visible()
    assert page.locator('[data-dimension="accuracy"] [aria-pressed="true"]').inner_text().startswith("5")
    assert trouble == []
    page.close()
