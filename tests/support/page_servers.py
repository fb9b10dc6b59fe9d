"""Server of `serve` in another process, and calls of its HTTP API."""

import contextlib
import http.client
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from locations import ROOT

needs_gradio = pytest.mark.skipif(
    not importlib.util.find_spec("gradio"), reason="needs the extra serve"
)
START = 180  # seconds in which a server must answer
MEGABYTE = 2**20


@dataclass
class PageServer:
    """Running server, with its output and the folder of its temporary files."""

    url: str
    process: subprocess.Popen
    output: Path  # standard output and error
    temporary: Path

    @property
    def log(self):
        """Return all that the server has printed."""
        return self.output.read_text(encoding="utf-8")

    @property
    def uploads(self):
        """Return the paths of all uploaded files."""
        found = self.temporary.glob("affuse-serve-*/uploads/**/*")
        return [path for path in found if path.is_file()]

    def connect(self):
        """Return a connection."""
        place = urlsplit(self.url)
        return http.client.HTTPConnection(place.hostname, place.port, timeout=120)

    def ask(self, method, path, body=None, headers=()):
        """Return status and text of one request."""
        with contextlib.closing(self.connect()) as connection:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()

    def upload(self, content, name="talk.wav"):
        """Upload a file, and return its path on the server."""
        mark = uuid.uuid4().hex
        body = b"".join((*form_start(mark, name), content, form_end(mark)))
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
        status, text = self.ask("POST", "/gradio_api/upload", body, headers)
        assert status == 200, text
        (path,) = json.loads(text)
        return path

    def predict(self, path=None, text="", words="typed", division="windows"):
        """Return (status, answer): of the API, or the sentence of a refusal."""
        given = path and {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"data": [given, text, words, division]})
        return self.call(body)

    def call(self, body):
        """Return (status, answer) for the body of a call."""
        headers = {"Content-Type": "application/json"}
        address = "/gradio_api/call/predict"
        status, text = self.ask("POST", address, body, headers)
        if status != 200:
            return status, json.loads(text)["detail"]
        event = json.loads(text)["event_id"]
        _, stream = self.ask("GET", f"{address}/{event}")
        kind, data = re.findall(r"^event: (\w+)\ndata: (.*)$", stream, re.M)[-1]
        value = json.loads(data)
        return kind, value[0] if kind == "complete" else value["error"]


def form_start(mark, name):
    """Return the beginning of a form with one file."""
    yield f"--{mark}\r\n".encode()
    yield f'Content-Disposition: form-data; name="files"; filename="{name}"'.encode()
    yield b"\r\nContent-Type: application/octet-stream\r\n\r\n"


def form_end(mark):
    """Return the end of a form."""
    return f"\r\n--{mark}--\r\n".encode()


@contextlib.contextmanager
def serving(folder, *words):
    """Start a server on a free port, and stop it at the end.

    Args:
        folder: for its output and its temporary files
        words: model and options
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    output = folder / "output.txt"
    environment = os.environ | {
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
    }
    program = (sys.executable, ROOT / "cli.py")
    line = [*map(str, (*program, "serve", *words, "--port", 0, "--threads", 1))]
    with output.open("w") as file:
        process = subprocess.Popen(
            line, stdout=file, stderr=subprocess.STDOUT, env=environment
        )
    try:
        url = _address(process, output)
        yield PageServer(url, process, output, temporary)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def _address(process, output):
    """Return the address that a server prints as soon as it listens."""
    until = time.monotonic() + START
    while time.monotonic() < until:
        text = output.read_text(encoding="utf-8")
        if found := re.search(r"http://[\d.]+:\d+/", text):
            return found[0]
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError(f"the server did not start in {START} s: {text}")
