"""The counts of `tests.bench.hops`, on functions whose calls are known."""

import asyncio
import threading

from tests.bench.hops import APART, PACKAGE, Recorder

SOURCES = {
    PACKAGE + "first.py": "async def waits():\n    for _ in range(3):\n        await sleep(0)\n    return inner()\n",
    PACKAGE + "second.py": "def inner():\n    return sum(numbers())\ndef numbers():\n    yield 1\n    yield 2\n",
    APART + "service.py": "def apart():\n    return inner()\n",
    "elsewhere.py": "def outside():\n    return apart()\n",
}


def test_calls_modules_and_moves_are_counted_in_every_thread_and_a_coroutine_once():
    names = {"sleep": asyncio.sleep}
    for path, source in SOURCES.items():
        exec(compile(source, path, "exec"), names)
    recorder = Recorder()
    try:
        names["inner"]()
        with recorder.recording():
            asyncio.run(names["waits"]())
            thread = threading.Thread(target=names["outside"])
            thread.start()
            thread.join()
        names["inner"]()
    finally:
        recorder.close()
    assert recorder.modules == ["first.py", *["second.py"] * 4]
    assert recorder.counts() == (5, 2, 1)
