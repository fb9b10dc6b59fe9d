"""A server in another process: its HTTP API, and requests that try to harm it.

Each refusal is a sentence, and the server goes on. These tests need the extra serve.
"""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import own_runs
import pytest
import soundfile
from cli_calls import call
from page_servers import MEGABYTE, form_end, form_start, needs_gradio, serving
from readme_documents import fences

pytestmark = needs_gradio
WAITING = 4
LIMITS = ("--max-megabytes", 2, "--max-seconds", 30, "--max-waiting", WAITING)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of speech and text."""
    table = own_runs.write_table(tmp_path_factory.mktemp("corpus"))
    root = tmp_path_factory.mktemp("work")
    words = (*own_runs.TINY, "--fusion", "ridge", "--nature", "synthetic")
    return own_runs.train(table, root, *words)["ridge"]


@pytest.fixture(scope="module")
def server(run, tmp_path_factory):
    """Return a running server with narrow limits."""
    cache = ("--cache", run.parent.parent / "cache")
    with serving(tmp_path_factory.mktemp("server"), run, *cache, *LIMITS) as found:
        yield found


@pytest.fixture(autouse=True)
def goes_on(server):
    """After each test, the server predicts, holds no file and printed no traceback."""
    yield
    kind, answer = server.predict(server.upload(wav()), "it is well")
    assert kind == "complete", answer
    assert server.uploads == []
    assert "Traceback" not in server.log


def wav(seconds=1.0, rate=16_000):
    """Return the bytes of a recording of noise."""
    samples = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV")
    return file.getvalue()


def post(server, parts, **headers):
    """Post parts of a body to the address of uploads; return (status, answer)."""
    with contextlib.closing(server.connect()) as connection:
        connection.putrequest("POST", "/gradio_api/upload")
        is_chunked = "content_length" not in headers
        headers |= {"transfer_encoding": "chunked"} if is_chunked else {}
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                mark = b"%x\r\n%b\r\n" % (len(part), part) if is_chunked else part
                connection.send(mark)
            if is_chunked:
                connection.send(b"0\r\n\r\n")
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())["detail"]


FORM = "multipart/form-data; boundary=mark"


def test_the_api_answers_with_the_model_its_scale_and_the_segments(server):
    kind, answer = server.predict(server.upload(wav()), "it is well")
    assert kind == "complete"
    assert answer["model"]["trained_on_ratings"] == "synthetic"
    assert answer["model"]["caution"]
    (segment,) = answer["segments"]
    assert segment["file"] == "talk.wav"
    assert segment["text"] == "it is well"
    assert -3 < segment["valence"] < 3


def test_a_file_of_two_gigabytes_is_refused(server, tmp_path):
    path = tmp_path / "sparse.wav"
    with path.open("wb") as file:
        file.truncate(2**31)
    start = b"".join(form_start("mark", path.name))

    def parts():
        yield start
        with path.open("rb") as file:
            while block := file.read(MEGABYTE):
                yield block
        yield form_end("mark")

    size = len(start) + 2**31 + len(form_end("mark"))
    status, sentence = post(
        server, parts(), content_type=FORM, content_length=str(size)
    )
    assert status == 413
    assert "the file is larger than 2 MB" in sentence


def test_a_large_file_of_no_stated_length_is_refused(server):
    parts = [*form_start("mark", "a.wav"), *[bytes(MEGABYTE)] * 4, form_end("mark")]
    status, sentence = post(server, parts, content_type=FORM)
    assert status == 413
    assert "the file is larger than 2 MB" in sentence


def test_a_fifo_that_never_ends_is_refused(server, tmp_path):
    fifo = tmp_path / "fifo.wav"
    os.mkfifo(fifo)

    def fill():
        with contextlib.suppress(BrokenPipeError), fifo.open("wb") as file:
            while True:
                file.write(bytes(2**16))

    threading.Thread(target=fill, daemon=True).start()

    def parts():
        yield b"".join(form_start("mark", fifo.name))
        with fifo.open("rb") as file:
            while block := file.read(2**16):
                yield block

    status, sentence = post(server, parts(), content_type=FORM)
    assert status == 413
    assert "larger than 2 MB" in sentence


def test_a_fifo_and_other_files_of_the_server_are_not_read(server, tmp_path):
    fifo = server.temporary / "fifo.wav"
    os.mkfifo(fifo)
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav())
    for path in (fifo, secret, "/etc/passwd", "../../etc/passwd", "a\0b", ""):
        status, sentence = server.predict(str(path) or "nowhere.wav", "it")
        assert status == 400
        assert "is not on this server" in sentence
        status, _ = server.ask("GET", f"/gradio_api/file={fifo}")
        assert status == 404
    fifo.unlink()


def test_an_address_is_not_fetched(server):
    for address in ("http://127.0.0.1:9/a.wav", "https://example.org/a.wav"):
        status, sentence = server.predict(address, "it")
        assert status == 400
        assert "is not on this server" in sentence
        for path in (f"/gradio_api/file={address}", f"/gradio_api/proxy={address}"):
            assert server.ask("GET", path)[0] == 404


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"Dear sir, this is a letter.\n" * 99, "letter.wav", "letter.wav: "),
        (b"", "empty.wav", "empty.wav: "),
        (wav()[:50], "cut.wav", "cut.wav: "),
        (wav(31, 8000), "long.wav", "lasts 31 s, and this server takes 30 s at most"),
    ],
)
def test_a_file_that_is_no_usable_recording_is_named(server, content, name, sentence):
    kind, answer = server.predict(server.upload(content, name), "it")
    assert kind == "error"
    assert sentence in answer


def test_a_name_cannot_leave_the_folder_of_uploads(server):
    path = server.upload(wav(), "../../../outside.wav")
    assert path.startswith(str(server.temporary))
    assert path.endswith("/outside.wav")
    assert server.predict(path, "it")[0] == "complete"


def test_twenty_equal_recordings_at_once(server):
    def visit(_):
        return server.predict(server.upload(wav(2.0)), "it is well")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(visit, range(20)))
    done = [answer for kind, answer in answers if kind == "complete"]
    refused = [answer for kind, answer in answers if kind == 503]
    assert len(done) + len(refused) == 20
    assert done
    assert refused
    sentences = ("queue is full", "holds as many recordings as it may")
    assert all(any(s in each.lower() for s in sentences) for each in refused)
    for path in server.uploads:  # of the refused calls; they are deleted later
        server.predict(str(path), "it")


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("no json", "no valid JSON"),
        ("[" * 100_000, "no valid JSON"),
        ("[1]", "must be a JSON object"),
        ('{"data": [null, "it"]}', "a list of four values"),
        (json.dumps({"data": ["a" * 2**20] * 2}), "larger than 1,048,576 bytes"),
    ],
)
def test_a_damaged_call_is_refused(server, body, sentence):
    status, answer = server.call(body)
    assert status in (400, 413)
    assert sentence in answer


def test_a_call_with_other_values_is_one_sentence(server):
    for words, division in (("shouted", "windows"), ("typed", "slices")):
        kind, answer = server.predict(None, "it", words, division)
        assert kind == "error"
        assert answer.startswith("text must be a string, words one of typed")


@pytest.mark.parametrize("content_type", [FORM, "text/plain", "multipart/form-data"])
def test_an_upload_that_is_no_form_is_refused(server, content_type):
    status, sentence = post(
        server, [b"abc"], content_type=content_type, content_length="3"
    )
    assert status == 400
    assert "a form (multipart/form-data) with one file" in sentence


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/monitoring"),
        ("GET", "/gradio_api/runs"),
        ("DELETE", "/"),
        ("GET", "/no/such/page"),
    ],
)
def test_other_addresses_are_refused(server, method, path):
    status, text = server.ask(method, path, "{}")
    assert status == 404
    assert f"no address {method} {path}" in json.loads(text)["detail"]


def test_a_page_of_another_name_is_refused(server):
    status, text = server.ask("GET", "/", headers={"Host": "evil.example"})
    assert status == 403
    assert "this server is not evil.example" in json.loads(text)["detail"]


def test_the_page_names_model_scale_and_nature_and_nothing_of_other_machines(server):
    status, text = server.ask("GET", "/")
    assert status == 200
    assert "The model was trained on synthetic speech" in text
    assert "valence: from 1 unpleasant to 5 pleasant" in text
    assert "dominance: from 1 submissive to 5 in control" in text
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=.https?:", text)


def documented(language):
    """Return the call of the API in the documentation, in a language."""
    (fence,) = [
        f
        for f in fences("extract/inference/README.md")
        if f.subject == "a running server" and f.language == language
    ]
    return fence.content


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_documented_call_with_curl_works(server, tmp_path):
    (tmp_path / "talk.wav").write_bytes(wav())
    text = documented("sh").replace("http://127.0.0.1:7860/", server.url)
    done = subprocess.run(
        ["bash", "-euc", text], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    kind, data = re.findall(r"^event: (\w+)\ndata: (.*)$", done.stdout, re.M)[-1]
    assert kind == "complete", done
    (answer,) = json.loads(data)
    assert answer["segments"][0]["text"] == "I am fine."


def test_the_documented_call_with_gradio_client_works(server, tmp_path):
    pytest.importorskip("gradio_client")
    (tmp_path / "talk.wav").write_bytes(wav())
    text = documented("python").replace("http://127.0.0.1:7860/", server.url)
    done = subprocess.run(
        [sys.executable, "-c", text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The model was trained on synthetic speech" in done.stdout


def test_the_client_raises_the_sentence_of_a_refusal(server):
    program = (
        "import sys\n"
        "from gradio_client import Client\n"
        "client = Client(sys.argv[1], verbose=False)\n"
        "try: client.predict(None, 'it', api_name='/predict')\n"
        "except Exception as error: print(error)"
    )
    words = [sys.executable, "-c", program, server.url]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "the model needs a recording" in done.stdout


def test_an_address_in_use_is_named_before_the_model_is_loaded(server):
    port = server.url.rstrip("/").rpartition(":")[2]
    done = call("serve", "gone", "--port", port)
    assert done.exit_code == 1
    assert f"the server cannot listen on 127.0.0.1, port {port}: " in done.stderr


def test_a_terminated_server_deletes_the_recordings(run, tmp_path):
    cache = ("--cache", run.parent.parent / "cache")
    with serving(tmp_path, run, *cache) as other:
        other.upload(wav())
        assert len(other.uploads) == 1
        other.process.send_signal(signal.SIGTERM)
        other.process.wait(30)
        assert list(other.temporary.glob("affuse-serve-*")) == []
        assert "stopped; all uploaded recordings are deleted" in other.log
        assert "Traceback" not in other.log
