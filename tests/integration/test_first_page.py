"""The first page's renderer runs before there is a session, serves it, and dies with it."""

from __future__ import annotations

import psutil
import pytest

from tests.integration.test_locked_browser import Browser, Site

ZYGOTES = 2


@pytest.fixture
def site():
    site = Site()
    site.thread.start()
    yield site
    site.stop()


def children(browser: Browser) -> set[int]:
    return {process.pid for process in psutil.Process(browser.process.pid).children(recursive=True)}


def test_the_first_page_gets_the_renderer_that_waits_and_the_next_session_another(site: Site) -> None:
    browser = Browser(load_timeout_s=10)
    browser.until(lambda: len(children(browser)) > ZYGOTES)
    waiting = children(browser)
    browser.open_and_wait(site.page("/"), site.origin)
    first = browser.ask("renderer")
    assert first in waiting
    browser.open_and_wait(site.page("/"), site.origin)
    second = browser.ask("renderer")
    assert second not in waiting
    browser.until(lambda: first not in children(browser))
    browser.ask("close")
    assert browser.end() == 0, browser.errors[-20:]
    assert not [line for line in browser.errors if "Release of profile" in line or "Traceback" in line], browser.errors


def test_a_page_that_nobody_took_goes_before_its_profile() -> None:
    browser = Browser(load_timeout_s=10)
    browser.until(lambda: len(children(browser)) > ZYGOTES)
    assert browser.end() == 0, browser.errors[-20:]
    assert not [line for line in browser.errors if "Release of profile" in line or "Traceback" in line], browser.errors
