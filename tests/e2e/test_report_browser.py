"""The report in a real browser: nothing fetched, nothing complained about, at home on a phone and in the dark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tunesmith.report import data_card, report
from tunesmith.report.view import CURVES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")
MATERIAL = Path(__file__).parents[1] / "unit" / "report"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="apt-get install -y chromium")


def load_material(name: str = "report_material") -> ModuleType:
    """The hand-made runs and data of the unit tests, which stand in another folder."""
    spec = spec_from_file_location(name, MATERIAL / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    products = load_material().make_products(folder)
    return {language: report(products, language=language, out=folder / language).html for language in ("en", "zh")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


def visit(browser: Browser, file: Path, width: int = 1200, scheme: str = "light") -> tuple[Page, list[str], list[str]]:
    """Open the file; what the console complained of and what was requested beside it."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda failure: complaints.append(str(failure)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    return page, complaints, [url for url in requests if url != file.as_uri() and not url.startswith("data:")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_opens_without_complaint_and_asks_for_nothing(
    browser: Browser, pages: dict[str, Path], language: str
) -> None:
    page, complaints, requests = visit(browser, pages[language])
    assert (complaints, requests) == ([], [])
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert page.locator("figure[data-metric] svg.chart").count() == len(CURVES)
    assert page.locator("figure[data-histogram] svg.chart").count() == 2
    assert page.locator("article.pair").count() == 6
    page.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_phone_does_not_scroll_sideways(browser: Browser, pages: dict[str, Path], language: str) -> None:
    page, _, _ = visit(browser, pages[language], width=360)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.close()


def contrast(page: Page, selector: str) -> float:
    """Contrast of an element's text with the nearest painted background (WCAG 2.2, relative luminance)."""
    ratio: float = page.evaluate(
        """selector => {
          const brush = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
          const rgb = text => {
            brush.clearRect(0, 0, 1, 1);
            brush.fillStyle = text;
            brush.fillRect(0, 0, 1, 1);
            return [...brush.getImageData(0, 0, 1, 1).data];
          };
          const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const element = document.querySelector(selector);
          let behind = element;
          while (rgb(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
          const pair = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
            .map(text => luminance(rgb(text))).sort((a, b) => b - a);
          return (pair[0] + 0.05) / (pair[1] + 0.05);
        }""",
        selector,
    )
    return ratio


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_light_and_in_dark(browser: Browser, pages: dict[str, Path], scheme: str) -> None:
    page, _, _ = visit(browser, pages["en"], scheme=scheme)
    luminance = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]")
    assert (luminance < 60) == (scheme == "dark")
    for selector in (
        "h1",
        ".hero h2",
        ".hero .sentence",
        ".figures .gain",
        ".interval",
        ".tag",
        ".caption",
        ".notice",
        "summary",
    ):
        assert contrast(page, selector) >= 4.5, selector
    page.close()


def test_thinking_folds_without_a_script(browser: Browser, pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["en"].as_uri())
    thinking = page.locator("article.pair .thinking").first
    assert not thinking.is_visible()
    page.locator("article.pair .answer summary").first.click()
    assert thinking.is_visible()
    context.close()


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("cards")
    material = load_material("data_material")
    card = material.make_card(material.make_dataset(folder, personal={"mode": "mask"}))
    return {language: data_card(card, language=language, out=folder / language).html for language in ("en", "zh")}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_data_card_opens_without_complaint_and_asks_for_nothing(
    browser: Browser, cards: dict[str, Path], language: str
) -> None:
    page, complaints, requests = visit(browser, cards[language])
    assert (complaints, requests) == ([], [])
    assert page.locator("html").get_attribute("lang") == {"en": "en", "zh": "zh-CN"}[language]
    assert page.locator("figure svg.chart").count() == 2
    assert page.locator("article.seen mark").count() == 3
    for link in page.locator("nav a, .checks a").all():
        assert page.locator(str(link.get_attribute("href"))).count() == 1
    page.close()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [320, 360])
def test_the_data_card_does_not_scroll_sideways_on_a_phone(
    browser: Browser, cards: dict[str, Path], language: str, width: int
) -> None:
    page, _, _ = visit(browser, cards[language], width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    cut = page.evaluate(
        """[...document.querySelectorAll('.scroll')].filter(
          region => region.scrollWidth > region.clientWidth && (region.tabIndex !== 0 || !region.ariaLabel)).length"""
    )
    assert cut == 0, "what scrolls must be reached by keyboard and have a name"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_data_card_can_be_read_in_light_and_in_dark(browser: Browser, cards: dict[str, Path], scheme: str) -> None:
    page, _, _ = visit(browser, cards["en"], scheme=scheme)
    for selector in (
        *("h1", ".glance h2", ".glance .meaning", ".checks .good b", ".checks .warn .detail", ".checks .badge"),
        *(".proof", ".interval", ".caption", ".part h3 .quiet", ".notes .warn span:last-child", "mark", ".row span"),
        *("thead th", ".hash code", ".places code", "summary", ".tiles dt"),
    ):
        assert contrast(page, selector) >= 4.5, selector
    page.evaluate(
        """() => { const cells = [...document.querySelectorAll('.heat')];
          const heat = cell => parseFloat(cell.style.getPropertyValue('--heat'));
          cells.sort((a, b) => heat(b) - heat(a))[0].classList.add('strongest'); }"""
    )
    assert contrast(page, ".strongest") >= 4.5
    page.close()
