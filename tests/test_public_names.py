"""What the package shows to the world, and what it costs to open the door."""

import subprocess
import sys

import jobwidgets as jw


def test_all_names_are_sorted_complete_and_there():
    assert jw.__all__ == sorted(jw.__all__)
    assert set(jw.__all__) == set(jw._HOME)
    for name in jw.__all__:
        assert getattr(jw, name).__module__.startswith("jobwidgets"), name
    assert set(jw.__all__) <= set(dir(jw))


def test_every_error_is_below_the_base_and_says_what_it_means():
    for name in jw.__all__:
        if name.endswith("Error"):
            error = getattr(jw, name)
            assert issubclass(error, jw.JobError)
            assert error.__doc__
    assert issubclass(jw.AuthError, jw.RefusedError)
    assert issubclass(jw.NotFoundError, jw.RefusedError)


def test_an_error_is_one_line_and_says_what_to_do_next():
    error = jw.RefusedError("job 1 is running", hint="wait")
    assert error._render_traceback_() == ["RefusedError: job 1 is running → wait"]


def test_importing_the_package_imports_nothing_heavy():
    heavy = ["pandas", "numpy", "gql", "graphql", "httpx", "aiohttp", "ipywidgets", "anywidget", "msgspec", "IPython"]
    code = f"import sys, jobwidgets; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(jw, "no_such_name")
