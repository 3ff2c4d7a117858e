"""The first thing a newcomer sees: the tour in JupyterLab, in a browser, brought up by one command."""

import concurrent.futures
import re
import signal

import pytest
from playwright.sync_api import TimeoutError, expect  # noqa: A004  it is what Playwright raises

from jobwidgets import connect
from tests.support.jupyter import chromium, new_context

PATIENCE = 90_000  # milliseconds
ALL_RAN = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")].map(each => each.textContent);
    return prompts.length > 10 && prompts.every(text => /\\[\\d+\\]/.test(text));
}"""


def run_the_tour(url, folder):
    """Open the address that the command printed, run all cells from the menu, and look."""
    foreign, broken = [], []
    with chromium() as browser:
        page = new_context(browser, width=1400, height=1000).new_page()
        page.on("request", lambda request: foreign.append(request.url) if "//127.0.0.1:" not in request.url else None)
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(url)
        expect(page.get_by_role("heading", name="Jobs in a notebook: the tour")).to_be_visible(timeout=PATIENCE)
        kernel = page.get_by_role("button", name=re.compile(r"^Python 3 .* \| Idle"))  # before, nothing would be run
        expect(kernel).to_be_visible(timeout=PATIENCE)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            page.wait_for_function(ALL_RAN, timeout=PATIENCE)
        except TimeoutError:
            page.screenshot(path=folder / "stuck.png")
            prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
            errors = page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_text_contents()
            pytest.fail(f"not every cell ran: {prompts} {errors} ({folder / 'stuck.png'})")
        expect(page.locator('[data-mime-type="application/vnd.jupyter.error"]')).to_have_count(0)
        expect(page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')).to_have_count(0)
        expect(page.get_by_text("Would you like")).to_have_count(0)
        panel = page.get_by_role("button", name=re.compile(r"^Cancel \d+"))
        panel.scroll_into_view_if_needed()
        expect(panel).to_be_visible()
        page.screenshot(path=folder / "tour.png")
    return [url for url in foreign if not url.startswith(("data:", "blob:"))], broken


@pytest.mark.browser
@pytest.mark.parametrize("demo", [2_000], indirect=True)
def test_one_command_brings_up_the_tour_and_its_cells_run(demo, tmp_path):
    with concurrent.futures.ThreadPoolExecutor(1) as apart:  # Playwright leaves a running event loop on its thread
        foreign, broken = apart.submit(run_the_tour, demo.url, tmp_path).result()
    assert (foreign, broken) == ([], [])
    where, token = demo.run("import os; print(os.environ['AIWARE_URL'])", "print(os.environ['AIWARE_TOKEN'])")
    with connect(where.strip(), token=token.strip()) as client:
        aborted = client.jobs(status="aborted")
        assert len(aborted[aborted.name.str.startswith("Box ")]) == 100
    assert demo.end(signal.SIGINT)[0] == 0
