"""The guard in front of Gradio, with a stand-in behind it."""

import asyncio
import json
import logging

import pytest

from affuse.extract.inference.serving.guarded_streams import HEADERS
from affuse.extract.inference.serving.request_guard import RequestGuard
from affuse.extract.inference.serving.serving_request import RequestLimits
from affuse.extract.inference.serving.uploaded_files import UploadedFiles

LIMITS = RequestLimits(file_bytes=1000, seconds=10.0, waiting=2)


async def echo(scope, receive, send):
    """Answer with the body of the request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def fail(scope, receive, send):
    raise ZeroDivisionError("secret detail")


@pytest.fixture
def uploads(tmp_path):
    return UploadedFiles(tmp_path)


def ask(uploads, path, method="GET", body=b"", *, app=echo, parts=None, **headers):
    """Return status, headers and body of the answer."""
    guard = RequestGuard(app, uploads, LIMITS, hosts=("localhost",))
    sent, given = [], {"host": "localhost:80", **headers}
    pieces = [body] if parts is None else parts
    queue = [
        {"type": "http.request", "body": each, "more_body": k < len(pieces) - 1}
        for k, each in enumerate(pieces)
    ]

    async def receive():
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    raw = [(k.replace("_", "-").encode(), v.encode()) for k, v in given.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    asyncio.run(guard(scope, receive, send))
    start, *rest = sent
    content = b"".join(message["body"] for message in rest)
    return start["status"], dict(start["headers"]), content


def test_each_answer_forbids_requests_to_other_machines(uploads):
    for path in ("/", "/no/such"):
        _, headers, _ = ask(uploads, path)
        policy = headers[b"content-security-policy"].decode()
        assert policy == HEADERS["content-security-policy"]
        assert "http" not in policy
        assert "default-src 'self'" in policy
        assert "*" not in policy


def test_a_call_passes_unchanged(uploads):
    body = json.dumps({"data": [None, "it", "typed", "windows"]}).encode()
    for parts in ([body], [body[:5], body[5:]]):
        path = "/gradio_api/call/predict"
        assert ask(uploads, path, "POST", parts=parts)[::2] == (200, body)


def test_an_upload_that_exists_may_be_named_and_read(uploads):
    path = uploads.reserve() / "a b.wav"
    path.write_bytes(b"")
    data = {"data": [{"path": str(path)}, "", "typed", "windows"]}
    body = json.dumps(data).encode()
    assert ask(uploads, "/gradio_api/call/predict", "POST", body)[0] == 200
    assert ask(uploads, f"/gradio_api/file={path}")[0] == 200
    uploads.remove(path)
    assert ask(uploads, "/gradio_api/call/predict", "POST", body)[0] == 400
    assert ask(uploads, f"/gradio_api/file={path}")[0] == 404


def test_an_error_behind_the_guard_is_one_sentence(uploads, caplog):
    with caplog.at_level(logging.ERROR):
        status, _, body = ask(uploads, "/", app=fail)
    assert status == 500
    assert json.loads(body)["detail"] == "the request could not be answered"
    assert "ZeroDivisionError: secret detail" in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("length", ["5000000", "-1", "x", "9" * 5000])
def test_an_upload_of_a_large_stated_length_is_not_read(uploads, length):
    path = "/gradio_api/upload"
    status, _, body = ask(uploads, path, "POST", b"", content_length=length)
    assert status == 413
    assert "the file is larger than" in json.loads(body)["detail"]


def test_a_full_server_takes_no_more_uploads(uploads):
    (uploads.reserve() / "a.wav").write_bytes(bytes(LIMITS.held_bytes - 99))
    status, _, body = ask(
        uploads, "/gradio_api/upload", "POST", b"", content_length="100"
    )
    assert status == 503
    assert "as many recordings as it may" in json.loads(body)["detail"]


def test_streams_and_nested_files_are_refused(uploads):
    path = uploads.reserve() / "a.wav"
    path.write_bytes(b"")
    for value in (
        {"path": str(path), "is_stream": True},
        [[{"deep": {"path": "/etc/passwd"}}]],
        {"path": None},
        {"path": 5},
    ):
        body = json.dumps({"data": [value, "", "", ""]}).encode()
        assert ask(uploads, "/gradio_api/queue/join", "POST", body)[0] == 400


def test_web_sockets_are_closed(uploads):
    sent = []

    async def send(message):
        sent.append(message)

    guard = RequestGuard(echo, uploads, LIMITS)
    asyncio.run(guard({"type": "websocket", "path": "/"}, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_any_name_is_accepted_if_none_is_required(uploads):
    assert ask(uploads, "/", host="evil.example")[0] == 403
    guard = RequestGuard(echo, uploads, LIMITS)
    guard._check_host("evil.example")
