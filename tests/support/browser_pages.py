"""Pages in a real browser without a window, with a log of what they ask for and say.

The browser is Chromium of the system, driven by Playwright. Any request to another
machine is logged and fails: no name is resolved, and no other address is reached.
"""

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
LOCAL = {"127.0.0.1", "localhost", "::1"}
WITHOUT_NETWORK = {"data", "blob", "about", "file", "chrome-error"}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
ARGUMENTS = (
    "--no-sandbox",  # containers run as root
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--use-fake-ui-for-media-stream",  # allows the microphone
    "--use-fake-device-for-media-stream",  # which hears a beep each second
)


@dataclass
class Visit:
    """Page with a log of its requests, messages and errors."""

    page: object  # of Playwright
    size: str  # one of SIZES
    folder: Path  # of screenshots
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)  # warnings and errors

    @property
    def outside(self):
        """Return the addresses of other machines that the page asked for."""
        parts = [urlsplit(address) for address in self.requests]
        return [
            part.geturl()
            for part in parts
            if part.scheme not in WITHOUT_NETWORK and part.hostname not in LOCAL
        ]

    @property
    def width(self):
        """Return the width of the content, which may exceed that of the window."""
        return self.page.evaluate("document.documentElement.scrollWidth")

    def shoot(self, name):
        """Save a screenshot of the whole page, and return its path."""
        path = self.folder / f"{name}-{self.size}.png"
        self.page.screenshot(path=path, full_page=True)
        return path


def find_chromium():
    """Return the path of Chromium, or skip the test."""
    pytest.importorskip("playwright", reason="needs the package playwright")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium; make test-browser installs it on Debian")
    return found


@contextlib.contextmanager
def open_browser():
    """Start Chromium without a window, and close it at the end."""
    path = find_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(ARGUMENTS), headless=True
        )
        yield browser
        browser.close()


@contextlib.contextmanager
def visit(browser, size, folder, **settings):
    """Open an empty page of a size, and record what it asks for and says.

    Args:
        browser: as `open_browser` gives it
        size: one of SIZES
        folder: of screenshots
        settings: of the context, such as `color_scheme`
    """
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        permissions=["microphone"],
        **settings,
    )
    context.set_default_timeout(60_000)
    page = context.new_page()
    found = Visit(page, size, folder)
    context.on("request", lambda request: found.requests.append(request.url))
    page.on("pageerror", lambda error: found.messages.append(f"pageerror: {error}"))
    page.on(
        "console",
        lambda message: (
            found.messages.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    yield found
    context.close()


def screenshot_folder(default):
    """Return the folder of screenshots: AFFUSE_SCREENSHOTS, or another one."""
    folder = Path(os.environ.get("AFFUSE_SCREENSHOTS") or default)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
