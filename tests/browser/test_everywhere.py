"""The panel in every front end, width, zoom and theme, and its picture where it is not alive."""

import json
import shutil

import pytest
from playwright.sync_api import expect

from tests.support.contrast import CONTRAST
from tests.support.jupyter import PATIENCE, ROOT, notebook_page
from tests.support.panel_page import CALM, SHOW, START, Panel

pytestmark = pytest.mark.browser

ZEBRAS = "jobs = [service.add_job('pending', 2, name=f'Zebra {i}') for i in range(12)]\n"
OUTSIDE = """() => {
    const panel = document.querySelector('.jobwidgets-panel');
    const box = panel.getBoundingClientRect();
    const seen = [...panel.querySelectorAll('button, input, .jw-line, .jw-scroll')].filter(n => n.offsetParent
        && !n.closest('.jw-scroll table'));
    const out = seen.filter(n => n.getBoundingClientRect().left < box.left - 1
        || n.getBoundingClientRect().right > box.right + 1);
    return [seen.length, out.map(n => n.outerHTML.slice(0, 120)), panel.scrollWidth - panel.clientWidth];
}"""
SMALL = """() => [...document.querySelectorAll('.jobwidgets-panel :is(button, input:not([type=checkbox]))')]
    .filter(n => n.offsetParent && (n.offsetHeight < 24 || n.offsetWidth < 24))
    .map(n => n.outerHTML.slice(0, 120) + ' ' + n.offsetWidth + ' x ' + n.offsetHeight)"""


def use(panel):
    """Search, select, plan, and go back."""
    panel.search.fill("Zebra")
    panel.count(12)
    panel.button("Select all 12 that match").click()
    panel.button("Cancel 12").first.click()
    expect(panel.root.get_by_text("Nothing has been sent yet.")).to_be_visible()
    fits(panel)
    panel.button("Back").first.click()
    expect(panel.root.get_by_text("12 jobs selected")).to_be_visible()
    panel.search.fill("")
    expect(panel.rows.nth(8)).to_be_visible()


def fits(panel):
    seen, outside, over = panel.page.evaluate(OUTSIDE)
    assert seen > 5
    assert (outside, over) == ([], 0)
    assert panel.page.evaluate(SMALL) == []


# ------------------------------------------------------------------- front ends


@pytest.mark.parametrize("frontend", ["lab", "notebook", "voila"])
def test_the_panel_is_used_in_every_front_end(open_notebook, frontend):
    panel = Panel(open_notebook(START + ZEBRAS + SHOW, frontend=frontend))
    use(panel)
    panel.no_trouble()


def test_the_dashboard_is_a_page_of_its_own_in_voila(profile, jupyter):
    shutil.copy(ROOT / "notebooks" / "dashboard.ipynb", jupyter.root)
    with notebook_page(profile, jupyter, "dashboard.ipynb", "voila") as notebook:
        panel = Panel(notebook)
        expect(panel.root.get_by_text("demo", exact=True)).to_be_visible()
        expect(panel.page.get_by_role("heading", name="Jobs")).to_be_visible()
        expect(panel.page.locator(".jobwidgets-picture")).to_be_hidden()
        assert panel.page.get_by_text("import jobwidgets").count() == 0
        panel.rows.first.click()
        expect(panel.root.get_by_text("1 job selected")).to_be_visible()


# ---------------------------------------------------------------- width and zoom


@pytest.mark.parametrize(
    ("frontend", "width"),
    [
        ("lab", 1920),
        ("notebook", 360),
        pytest.param("notebook", 1920, marks=pytest.mark.other_host),
        pytest.param("voila", 360, marks=pytest.mark.other_host),
        pytest.param("voila", 1920, marks=pytest.mark.other_host),
    ],
)
def test_the_panel_fits_narrow_and_wide_pages(open_notebook, frontend, width):
    panel = Panel(open_notebook(START + ZEBRAS + CALM, frontend=frontend))
    panel.page.set_viewport_size({"width": width, "height": 900})
    fits(panel)
    use(panel)


@pytest.mark.one_front_end
@pytest.mark.parametrize("zoom", ["half the width", "style"])
def test_the_panel_is_used_at_two_hundred_percent(open_notebook, zoom):
    """A browser at 200 % gives the page half as many pixels; the property `zoom` is a second look."""
    panel = Panel(open_notebook(START + ZEBRAS + CALM, frontend="notebook"))
    if zoom == "style":
        panel.page.evaluate("document.body.style.zoom = '2'")
    else:
        panel.page.set_viewport_size({"width": 640, "height": 450})
    fits(panel)
    panel.grid.locator("tbody.jw-rows tr").first.focus()
    panel.page.keyboard.press("End")
    last = panel.kernel("panel.visible['id'].iloc[-1]")
    row = panel.rows.filter(has_text=last)
    expect(row).to_be_in_viewport()
    expect(row).to_be_focused()
    panel.page.keyboard.press("Home")
    use(panel)


# --------------------------------------------------------------------- contrast


def test_all_text_has_enough_contrast_in_the_high_contrast_theme(open_notebook):
    panel = Panel(open_notebook(START + ZEBRAS + CALM))
    panel.notebook.theme("JupyterLab Dark High Contrast")
    try:
        assert panel.page.evaluate(CONTRAST) == []
        panel.chip("pending").click()
        panel.rows.first.click()
        assert panel.page.evaluate(CONTRAST) == []
    finally:
        panel.notebook.theme("JupyterLab Light")


FORCED = """() => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = c => rgb(c).map(v => v / 255)
        .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const apart = (a, b) => {
        const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
        return (high + 0.05) / (low + 0.05);
    };
    const ground = getComputedStyle(document.querySelector('.jw-scroll')).backgroundColor;
    const style = (selector, part) => getComputedStyle(document.querySelector(selector), part);
    const chips = '.jobwidgets-panel [aria-label="Filter by status"] button';
    const [on, off] = ['true', 'false'].map(v => style(`${chips}[aria-pressed="${v}"]`).backgroundColor);
    return {
        glyph: apart(style('.jw-rows .jw-status .jw-face', '::before').backgroundColor, ground),
        arrow: apart(style('th:not([aria-sort="none"]) .jw-arrow').backgroundColor, ground),
        pressed: apart(on, off),
        picked: apart(style('.jw-rows tr[aria-selected="true"]').outlineColor, ground),
    };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_forced_colours_keep_what_is_pressed_sorted_picked_and_in_which_state_apart(open_notebook, scheme):
    panel = Panel(open_notebook(START + ZEBRAS + CALM))
    panel.page.emulate_media(forced_colors="active", color_scheme=scheme)
    panel.chip("pending").click()
    panel.root.get_by_role("button", name="Name").first.click()
    expect(panel.grid.locator("th[aria-sort=ascending]")).to_be_visible()
    panel.rows.first.click()
    expect(panel.rows.first).to_have_attribute("aria-selected", "true")
    ratios = panel.page.evaluate(FORCED)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 3} == {}


# -------------------------------------------------------- the picture on the page


def visible(panel):
    pictures = panel.page.locator(".jobwidgets-picture")
    return [pictures.nth(at).is_visible() for at in range(pictures.count())]


def test_the_picture_is_hidden_while_its_panel_lives_and_takes_its_place_when_the_kernel_is_gone(open_notebook):
    panel = Panel(open_notebook(START + CALM, "from IPython.display import display\ndisplay(panel)"))
    expect(panel.root).to_have_count(2)
    assert visible(panel) == [False, False]
    panel.notebook.restart()
    expect(panel.page.locator(".jobwidgets-picture").first).to_be_visible(timeout=PATIENCE)
    expect(panel.root.first).to_be_hidden()
    assert visible(panel) == [True, True]
    panel.notebook.wait_idle()
    panel.notebook.run_all()
    expect(panel.rows.first).to_be_visible()
    assert visible(panel) == [False, False]


def test_the_picture_is_hidden_too_where_the_cell_has_printed_trouble_before_it(open_notebook):
    printed = """panel = jw.JobPanel(client, refresh=None)
ready = panel._ready
panel._ready = lambda: [print("trouble", file=__import__("sys").stderr), ready()]
panel"""
    panel = Panel(open_notebook(START + printed))
    outputs = panel.page.locator(".jp-OutputArea-child")
    expect(outputs).to_have_count(3)
    expect(outputs.nth(1)).to_contain_text("trouble")
    assert visible(panel) == [False]


@pytest.mark.parametrize("frontend", ["lab", pytest.param("notebook", marks=pytest.mark.other_host)])
def test_a_saved_and_reopened_notebook_shows_the_last_state_in_the_picture(open_notebook, profile, jupyter, frontend):
    panel = Panel(open_notebook(START + CALM, "table = jw.JobTable(client.jobs())\ntable", frontend=frontend))
    expect(panel.page.locator(".jw-table")).to_have_count(2)
    assert visible(panel) == [False, False]
    panel.notebook.run("service.add_job('pending', 1, name='Okapi')\npanel.refresh()\npanel._work.settle()")
    panel.notebook.run("panel._hand.run()\npanel.close()\ntable.close()")
    expect(panel.page.locator(".jobwidgets-picture").first).to_contain_text("Okapi")
    expect(panel.page.locator(".jobwidgets-picture").first).to_be_visible()
    expect(panel.page.locator(".jobwidgets-picture").nth(1)).to_be_visible()
    panel.notebook.command("docmanager:save")
    (name,) = [each["path"] for each in jupyter.api("api/sessions")]
    book = json.loads((jupyter.root / name).read_text())
    assert ["text/html" in cell["outputs"][-1]["data"] for cell in book["cells"]] == [True, True]
    assert "widgets" not in book["metadata"]
    with notebook_page(profile, jupyter, name, frontend) as again:
        picture = again.page.locator(".jobwidgets-picture").first
        expect(picture).to_be_visible()
        expect(picture).to_contain_text("Okapi")
        expect(picture).to_contain_text("Run the cell for the live panel.")
        expect(picture.get_by_role("row")).to_have_count(26)
