"""The page of `serve` in a real browser: what a visitor does and sees."""

import csv
import time

import numpy as np
import own_runs
import pytest
import soundfile
from browser_pages import SIZES, visit
from page_servers import needs_gradio, serving

pytestmark = [pytest.mark.browser, needs_gradio]
RATE = 16_000
LIMITS = ("--max-megabytes", 2, "--max-seconds", 60)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run whose model takes speech and text, or one of them."""
    table = own_runs.write_table(tmp_path_factory.mktemp("corpus"))
    root = tmp_path_factory.mktemp("work")
    words = (*own_runs.TINY, "--fusion", "experts", "--nature", "synthetic")
    return own_runs.train(table, root, *words)["experts"]


@pytest.fixture(scope="module")
def server(run, tmp_path_factory):
    cache = ("--cache", run.parent.parent / "cache")
    with serving(tmp_path_factory.mktemp("server"), run, *cache, *LIMITS) as found:
        yield found
        assert "Traceback" not in found.log


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Return a recording of 26 s of noise, which is divided into windows."""
    path = tmp_path_factory.mktemp("recordings") / "long talk.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, 26 * RATE)
    soundfile.write(path, samples, RATE)
    return path


@pytest.fixture
def open_page(browser, server, screenshots):
    """Function that opens the page; afterwards, nothing left this machine."""
    visits = []

    def open_page(size="desktop", **settings):
        entered = visit(browser, size, screenshots, **settings)
        found = entered.__enter__()
        visits.append((entered, found))
        found.page.goto(server.url)
        found.page.get_by_role("button", name="Predict").wait_for()
        return found

    yield open_page
    for entered, found in visits:
        entered.__exit__(None, None, None)
        assert found.requests
        assert found.outside == []
        assert [m for m in found.messages if not m.startswith("warning")] == []


def upload(page, path):
    """Choose a file, and wait until the page shows it."""
    page.set_input_files("input[type=file]", path)
    page.get_by_label("Reset audio").or_(page.locator("#waveform")).first.wait_for()


def predict(page):
    """Press the button, and return the answer."""
    page.get_by_role("button", name="Predict").click()
    answer = page.locator(".answer, [role=alert]").first
    answer.wait_for(timeout=120_000)
    return answer


@pytest.mark.parametrize("size", SIZES)
def test_a_recording_becomes_curves_a_point_and_a_table(open_page, recording, size):
    found = open_page(size)
    page = found.page
    upload(page, recording)
    answer = predict(page)
    segments = answer.locator(".segment")
    assert segments.count() == 6  # windows of 8 s, one every 4 s, and the last
    assert answer.locator("svg.panel polyline").count() == 3
    assert answer.locator("tbody tr").count() == 6
    segments.nth(2).hover()
    assert answer.locator(".readout").inner_text().startswith("8.0–16.0 s: valence")
    assert answer.locator("g.point.current").get_attribute("data-place") == "2"
    page.keyboard.press("Tab")
    found.shoot("prediction")
    assert found.width <= SIZES[size][0]
    assert "synthetic" in page.locator(".facts .warning").inner_text()


def test_keys_move_the_choice_and_a_click_plays_the_segment(open_page, recording):
    page = open_page().page
    upload(page, recording)
    answer = predict(page)
    first = answer.locator(".segment").first
    page.mouse.move(0, 0)  # a pointer that rests on a segment chooses it
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert answer.locator(".readout").inner_text().startswith("8.0–16.0 s")
    page.keyboard.press("Enter")
    head = answer.locator(".playhead")
    head.wait_for()
    place = float(head.get_attribute("style").removeprefix("left: ").rstrip("%;"))
    assert 8 - 0.1 <= place * 26 / 100 <= 16 + 0.1  # seconds
    assert answer.locator(".player").inner_text() == ""


def test_the_table_is_downloaded_as_csv(open_page, recording):
    page = open_page().page
    upload(page, recording)
    answer = predict(page)
    with page.expect_download() as event:
        answer.get_by_role("link", name="Download CSV").click()
    with open(event.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["start"]) for row in rows] == [0, 4, 8, 12, 16, 18]
    assert {row["trained_on_ratings"] for row in rows} == {"synthetic"}
    assert {row["file"] for row in rows} == {"long talk.wav"}


def test_a_text_without_a_recording_is_a_point(open_page):
    found = open_page("phone")
    found.page.get_by_label("Transcript").fill("It is well <b>with</b> us.")
    answer = predict(found.page)
    assert answer.locator("g.point").count() == 1
    assert answer.locator(".segment").count() == 0
    assert "“It is well <b>with</b> us.”" in answer.locator(".readout").inner_text()
    assert answer.locator("b").count() == 0  # the text is no HTML
    found.shoot("text")


def test_a_recording_of_the_microphone_is_predicted(open_page):
    page = open_page().page
    page.get_by_label("Record audio").click()
    page.get_by_role("button", name="Record", exact=True).click()
    page.wait_for_timeout(2500)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_timeout(1500)
    answer = predict(page)
    assert answer.locator(".segment").count() == 1


def test_a_text_file_and_an_empty_request_are_one_sentence_each(open_page, tmp_path):
    found = open_page("phone")
    page = found.page
    assert predict(page).inner_text().startswith("There is nothing to predict; record")
    letter = tmp_path / "letter.wav"
    letter.write_text("Dear sir, this is a letter.\n" * 99)
    upload(page, letter)
    page.get_by_role("button", name="Predict").click()
    sentence = page.locator("[role=alert]", has_text="letter.wav: ")
    sentence.wait_for(timeout=60_000)
    assert "Traceback" not in page.content()
    found.shoot("refusal")
    found.messages.remove("error: Waveform load error: MediaError")  # of Gradio


def test_a_large_file_is_refused_by_the_page(open_page, server, tmp_path):
    found, large = open_page(), tmp_path / "large.wav"
    with large.open("wb") as file:
        file.truncate(2**31)
    found.page.set_input_files("input[type=file]", large)
    found.page.get_by_text("maximum allowed size").first.wait_for()
    found.page.wait_for_timeout(1000)
    found.shoot("too-large")
    assert server.uploads == []
    found.messages.clear()  # Gradio logs its own sentence as an error


def test_a_closed_page_has_no_upload(open_page, server, recording):
    page = open_page().page
    upload(page, recording)
    predict(page)
    assert len(server.uploads) == 1
    page.close()
    until = time.monotonic() + 30
    while server.uploads and time.monotonic() < until:
        time.sleep(0.2)
    assert server.uploads == []


def test_the_page_is_accessible_in_light_and_dark(open_page, recording):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for scheme in ("light", "dark"):
        found = open_page(color_scheme=scheme)
        upload(found.page, recording)
        predict(found.page)
        found.shoot(scheme)
        for part in (".facts", ".answer"):
            result = axe.run(found.page, context=part)
            assert result.violations_count == 0, result.generate_report()
