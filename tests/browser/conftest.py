"""Fixtures of tests in a real browser; see `browser_pages` in tests/support."""

import pytest
from browser_pages import open_browser, screenshot_folder


@pytest.fixture(scope="module")
def browser():
    """Return Chromium without a window.

    Playwright runs an event loop until it is closed, so that no other test can run one.
    """
    with open_browser() as found:
        yield found


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Return the folder of screenshots, which AFFUSE_SCREENSHOTS names."""
    return screenshot_folder(tmp_path_factory.mktemp("screenshots"))
