"""The page of `report` in a real browser: requests, keyboard and accessibility."""

import base64

import numpy as np
import pytest
import soundfile
from browser_pages import SIZES, visit
from cli_calls import call
from page_runs import rejection_curve, save_designs
from report_runs import info_of

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.page.page_sections import SECTIONS

pytestmark = pytest.mark.browser
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(2)>"
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page with transcripts, recordings and all figures."""
    root = tmp_path_factory.mktemp("report")
    runs, corpus = root / "runs", root / "corpus"
    save_designs(runs, nature="synthetic")
    early = runs / info_of("early").name
    rejection_curve(early)
    corpus.mkdir()
    soundfile.write(corpus / "tone.wav", np.sin(np.arange(8000) / 5) / 2, 8000)
    ids = sorted(set(read_run(early).predictions.id.tolist()))
    lines = ["id,text,audio", *(f"{name},{HOSTILE},tone.wav" for name in ids)]
    (root / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    words = ("--transcripts", root / "table.csv", "--sound", corpus, "--by", "gender")
    path = root / "report.html"
    done = call("report", "--runs", runs, "--format", "html", *words, "--output", path)
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def open_report(browser, report, screenshots):
    """Function that opens the page, which must ask for nothing and say nothing."""
    entered = []

    def open_report(size="desktop", **settings):
        context = visit(browser, size, screenshots, **settings)
        found = context.__enter__()
        entered.append((context, found))
        dialogs = []
        found.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        found.dialogs = dialogs
        found.page.goto(report.as_uri())
        return found

    yield open_report
    for context, found in entered:
        context.__exit__(None, None, None)
        asked = [u for u in found.requests if not u.startswith("data:")]
        assert asked == [report.as_uri()]
        assert found.messages == []
        assert found.dialogs == []


@pytest.mark.parametrize("size", SIZES)
def test_all_sections_are_there_and_fit_into_the_window(open_report, size):
    found = open_report(size)
    titles = found.page.locator("main h3").all_inner_texts()
    assert len(titles) == len(SECTIONS)
    links = found.page.locator("nav a").all_inner_texts()
    assert links == titles
    images = found.page.locator("figure img")
    assert images.count() > 10
    drawn = "images => images.every(i => i.complete && i.naturalWidth > 0)"
    assert images.evaluate_all(drawn)
    assert found.width <= SIZES[size][0]
    found.shoot("report")


def test_a_column_is_sorted_by_the_mouse_and_by_the_keyboard(open_report):
    page = open_report().page
    table = page.locator("table.sortable").first
    column = table.locator("thead th").all_inner_texts().index("mean")
    cells = table.locator(f"tbody tr td:nth-of-type({column})")

    def figures():
        return [float(text.split()[0]) for text in cells.all_inner_texts()]

    button = table.locator("thead th").nth(column).locator("button")
    before = figures()
    button.click()
    assert figures() == sorted(before, reverse=True)
    button.focus()
    page.keyboard.press("Enter")
    assert figures() == sorted(before)
    head = table.locator("thead th").nth(column)
    assert head.get_attribute("aria-sort") == "ascending"


def test_everything_that_can_be_used_is_reached_by_the_keyboard(open_report):
    page = open_report().page
    wanted = page.locator(
        "a[href], button, summary, audio[controls], [tabindex='0']"
    ).count()
    reached = page.evaluate("() => { window.reached = new Set(); }")
    steps = "() => { window.reached.add(document.activeElement); return reached.size; }"
    count = 0
    for _ in range(8 * wanted):  # the controls of a player are several stops
        page.keyboard.press("Tab")
        reached = page.evaluate(steps)
        on_body = page.evaluate("() => document.activeElement === document.body")
        count = reached - on_body
        if on_body:
            break
    assert count >= wanted


def test_the_focus_is_visible(open_report):
    page = open_report().page
    page.keyboard.press("Tab")
    outline = "() => getComputedStyle(document.activeElement).outlineStyle"
    for _ in range(3):
        assert page.evaluate(outline) != "none"
        page.keyboard.press("Tab")


def test_a_recording_is_played(open_report):
    page = open_report().page
    sound = page.locator("audio").first
    length = sound.evaluate(
        "async a => { a.preload = 'metadata'; a.load(); "
        "await new Promise((done, no) => { a.onloadedmetadata = done; a.onerror = no; "
        "}); return a.duration; }"
    )
    assert length == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(open_report, size, scheme):
    module = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
    )
    found = open_report(size, color_scheme=scheme, bypass_csp=True)
    results = module.Axe().run(found.page)
    faults = [
        (v["id"], v["impact"], [node["html"][:120] for node in v["nodes"][:3]])
        for v in results.response["violations"]
        if v["impact"] in SERIOUS
    ]
    assert faults == []
    found.shoot(f"report-{scheme}")


def test_a_hostile_transcript_is_shown_as_text(open_report):
    page = open_report().page
    cells = page.locator("td", has_text="<script>alert(1)</script>")
    assert cells.count() > 0
    assert page.locator("td script, td img").count() == 0


def test_a_wide_table_shows_that_it_goes_on_and_is_printed_in_full(open_report):
    page = open_report().page
    region = page.locator(".scroll", has=page.locator("caption", has_text="Settings"))
    assert "linear-gradient" in region.evaluate("e => getComputedStyle(e).background")
    region.locator("tr").evaluate_all(
        "rows => rows.forEach(row => { for (let k = 0; k < 14; k++) "
        "row.append(row.lastElementChild.cloneNode(true)); })"
    )
    widths = "e => [e.scrollWidth, e.clientWidth]"
    whole, shown = region.evaluate(widths)
    assert whole > shown
    region.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
    name, edge = (
        each.evaluate("e => e.getBoundingClientRect().left")
        for each in (region.locator("tbody th").first, region)
    )
    assert name == pytest.approx(edge, abs=1)  # the names of the rows stay in sight
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 900})  # of a sheet in portrait
    whole, shown = region.evaluate(widths)
    assert whole <= shown


def test_it_prints_in_full(open_report, screenshots):
    found = open_report()
    found.page.emulate_media(media="print")
    found.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert found.page.locator("details:not([open])").count() == 0
    session = found.page.context.new_cdp_session(found.page)
    data = base64.b64decode(session.send("Page.printToPDF")["data"])
    assert data.startswith(b"%PDF")
    (screenshots / "report.pdf").write_bytes(data)
