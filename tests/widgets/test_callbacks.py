"""No error is swallowed: whatever raises behind the panel is seen in the panel and in the log.

What can raise is found by looking at the code, so that nothing that is added later can be forgotten here.
"""

import ast
import gc
import importlib
import inspect
import pkgutil
from pathlib import Path

import ipywidgets
import pytest

import jobwidgets.widgets
from jobwidgets.widgets.callbacks import entry
from jobwidgets.widgets.panel.controller import Controller, Stage
from jobwidgets.widgets.panel.operation_runner import Run
from tests.support.panel_driver import below, settle

pytestmark = pytest.mark.usefixtures("wire", "fast", "expects_errors")
FOLDER = Path(jobwidgets.widgets.__file__).parent


def guarded_code(function):
    return getattr(function, "__code__", None) is entry(lambda: None).__code__


def entries():
    """Give every guarded method of every class of the panel."""
    for each in pkgutil.walk_packages([str(FOLDER)], "jobwidgets.widgets."):
        module = importlib.import_module(each.name)
        for owner in vars(module).values():
            if inspect.isclass(owner) and owner.__module__ == module.__name__:
                yield from ((owner, name) for name, function in vars(owner).items() if guarded_code(function))


def handed_over():
    """Give the names of the methods that take what comes from another thread: handed to `_send` or to `_hand`."""
    for file in sorted(FOLDER.rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            said = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
            if said in ("_send", "_hand"):
                for part in (part for argument in call.args for part in ast.walk(argument)):
                    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "self":
                        yield part.attr


ENTRIES = sorted(set(entries()), key=lambda each: (each[0].__name__, each[1]))
HANDED = sorted({name for name in handed_over() if callable(getattr(Controller, name, None))})
WORK = sorted(name for name, each in vars(Run).items() if inspect.isfunction(each) and name != "__init__")


def shown(panel):
    """Give everything that the widgets of a panel say."""
    parts = (panel, *below(panel))
    return str([part.get_state() for part in parts if part.comm is not None])


def logged(caplog):
    return [record for record in caplog.records if record.exc_info and "jobwidgets" in record.name]


def raising(_self, *_arguments, **_keywords):
    raise ZeroDivisionError("a mistake")


def of(owner, panel):
    """Find one of a class among what the panel consists of."""
    parts = {id(part) for part in (panel, *below(panel))}
    found = [each for each in gc.get_objects() if isinstance(each, owner)]
    of_it = [each for each in found if id(each) in parts or getattr(each, "lock", None) is panel.lock]
    assert of_it, f"the panel has no {owner.__name__} here: bring one about in this test"
    return of_it[0]


def test_the_code_was_found():
    names = {name for _, name in ENTRIES}
    assert {"_act", "_go", "_undo", "_receive", "_changed"} <= names
    assert {"_land", "_rang"} <= set(HANDED) or {"_planned", "_worked"} <= set(HANDED)
    assert {"work", "stop"} <= set(WORK)


@pytest.mark.parametrize(("owner", "name"), ENTRIES, ids=lambda each: getattr(each, "__name__", each))
def test_what_raises_in_an_entry_is_shown_and_logged(panel, owner, name, monkeypatch, caplog):
    guarded = vars(owner)[name]
    one = of(owner, panel)
    (cell,) = (each for each in guarded.__closure__ if inspect.isfunction(each.cell_contents))
    arguments = [None] * (len(inspect.signature(cell.cell_contents).parameters) - 1)
    monkeypatch.setattr(cell, "cell_contents", raising)
    getattr(one, name)(*arguments)
    assert "ZeroDivisionError" in shown(panel)
    assert logged(caplog)


def controls(panel):
    """Give every control of a panel with a way to use it, as its page would."""
    for part in below(panel):
        if isinstance(part, ipywidgets.Button):
            yield part.description, lambda wire, part=part: wire(part).click()
        elif isinstance(part, ipywidgets.ValueWidget) and part._trait_notifiers.get("value", {}).get("change"):
            yield part.placeholder, lambda wire, part=part: wire(part).write(value="x")
        elif hasattr(part, "_esm") and part._msg_callbacks.callbacks:
            yield type(part).__name__, lambda wire, part=part: wire(part).send({"do": "press", "key": "x"})


def brought_to(stage, page, panel, service):
    """Bring the panel to a stage."""
    if stage is Stage.LIST:
        return
    for _ in range(22 if stage is Stage.GRACE else 1):
        service.add_job("pending", 1)
    page.press("Refresh")
    panel.select("status == 'pending'")
    page.press("Cancel")
    if stage in (Stage.GRACE, Stage.WORKING):
        service.faults.delay(seconds=30, times=None, operation="cancelJob")
    if stage is not Stage.CONFIRM:
        panel._go(panel._work.op, "", "")
        if stage is Stage.WORKING and panel._work.stage is Stage.GRACE:
            panel._start_now(panel._work.op)
    if stage is Stage.DONE:
        settle(panel)


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in (Stage.PLANNING, Stage.OPENING)])
def test_every_control_of_every_stage_leads_into_a_guard(panel, page, service, stage, wire, monkeypatch, caplog):
    monkeypatch.setattr("jobwidgets.widgets.panel.controller.TICK", 30 if stage is Stage.GRACE else 0.02)
    brought_to(stage, page, panel, service)
    assert panel._work.stage is stage
    entered = []

    def raises(_self, *_arguments, **_keywords):
        entered.append(1)
        raise ZeroDivisionError("a mistake")

    for owner, name in ENTRIES:
        if name not in ("_changed", "_looked"):
            cells = vars(owner)[name].__closure__
            (cell,) = (each for each in cells if inspect.isfunction(each.cell_contents))
            monkeypatch.setattr(cell, "cell_contents", raises)
    used = list(controls(panel))
    assert len(used) > 4
    for name, use in used:
        caplog.clear()
        before = len(entered)
        use(wire)
        assert len(entered) > before, f"{name} leads into no guarded entry"
        assert "ZeroDivisionError" in shown(panel), name
        assert logged(caplog), name
    monkeypatch.undo()
    service.faults.clear()


BACK = ["_planned", "_worked", "_opened"]


@pytest.mark.parametrize("name", BACK)
def test_what_raises_in_what_comes_back_is_shown_and_logged(panel, page, service, name, monkeypatch, caplog):
    assert name in HANDED
    job_id = service.add_job("pending", 1)
    page.press("Refresh")
    raised = []

    def raises(*_arguments, **_keywords):
        raised.append(name)
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(panel._work, name, raises)
    panel.select([job_id])
    panel._act("cancel")
    settle(panel)
    if panel._work.stage is Stage.CONFIRM:
        panel._go(panel._work.op, "", "")
        settle(panel)
    if not raised:
        panel._show_earlier(panel._work.client.receipts()["op"].iloc[0])
        settle(panel)
    assert raised
    assert "ZeroDivisionError" in shown(panel)
    assert logged(caplog)


def test_whatever_is_handed_over_and_raises_is_shown_and_logged(panel, caplog):
    panel._hand(lambda: raising(panel))
    panel._hand.run()
    assert "ZeroDivisionError" in shown(panel)
    assert logged(caplog)
