"""A running `jobwidgets demo`, as its user has it: a terminal, an address, kernels."""

import json
import os
import re
import subprocess
import sys
import uuid
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import psutil
import pytest
import websocket

PATIENCE = 60


class Demo:
    """A running `jobwidgets demo`, and what its terminal has shown so far."""

    def __init__(self, folder, jobs):
        command = [sys.executable, "-m", "jobwidgets", "demo", "--no-browser", "--port", "0", "--jobs", str(jobs)]
        env = {**os.environ, "AIWARE_PROFILE": "work", "AIWARE_TOKEN": "of the real service"}
        self.process = subprocess.Popen(
            [*command, "--dir", folder], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.shown = ""
        for line in self.process.stdout:
            self.shown += line
            if "Ctrl-C" in line:
                break
        else:
            self.process.wait(PATIENCE)
            self.process.stdout.close()
            pytest.fail(self.shown)
        self.url = re.search(r"http://\S+", self.shown).group()
        self.base = self.url.partition("lab/")[0]
        (self.token,) = parse_qs(urlsplit(self.url).query)["token"]

    def ask(self, path, **body):
        request = Request(self.base + path, headers={"Authorization": f"token {self.token}"})
        if body:
            request.data = json.dumps(body).encode()
        with urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def run(self, *sources):
        """Run code in a new kernel of this JupyterLab, as a page does; return what it printed and showed."""
        kernel = self.ask("api/kernels", name="python3")["id"]
        address = f"{self.base.replace('http', 'ws', 1)}api/kernels/{kernel}/channels?token={self.token}"
        pipe = websocket.create_connection(address, timeout=PATIENCE)
        try:
            return [_run(pipe, source) for source in sources]
        finally:
            pipe.close()

    def end(self, number):
        """Send a signal; return the exit code and the processes that were alive below it, once they are waited for."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self.shown += self.process.stdout.read()
        _, alive = psutil.wait_procs(below, timeout=PATIENCE)
        return code, len(below), alive


def _run(pipe, source):
    asked = uuid.uuid4().hex
    content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
    header = {"msg_id": asked, "msg_type": "execute_request", "username": "", "session": asked, "version": "5.3"}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    pipe.send(json.dumps(message))
    shown = []
    while True:
        got = json.loads(pipe.recv())
        if got["parent_header"].get("msg_id") != asked:
            continue
        kind, content = got["header"]["msg_type"], got["content"]
        if kind == "stream":
            shown.append(content["text"])
        elif kind in {"execute_result", "display_data"}:
            shown.append(content["data"].get("text/plain", ""))
        elif kind == "error":
            pytest.fail("\n".join(content["traceback"]))
        elif kind == "status" and content["execution_state"] == "idle":
            return "\n".join(shown)
