"""Guard in front of Gradio: it lets few addresses pass, and limits what they receive.

Gradio has more functions than this server needs, such as fetching an address that a
visitor names. Everything that is not listed here is refused with a sentence.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from affuse.extract.inference.serving.guarded_streams import (
    AsgiApp,
    GuardedSend,
    LimitedBody,
    Receive,
    Replay,
    RequestRefusal,
    Scope,
    Send,
)
from affuse.extract.inference.serving.serving_request import RequestLimits
from affuse.extract.inference.serving.uploaded_files import UploadedFiles

UPLOAD = "/gradio_api/upload"
FILE = "/gradio_api/file="
READ = re.compile(
    r"/|/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)/?"
    r"|/(assets|static|svelte)/.*"
    r"|/gradio_api/(info|openapi\.json|startup-events|app_id|login_check|theme\.css)/?"
    r"|/gradio_api/(heartbeat/\w+|queue/data|upload_progress)"
    r"|/gradio_api/call/(v2/)?predict/\w+|/gradio_api/file=.*"
)
WRITE = re.compile(
    r"/gradio_api/(upload|queue/join|cancel|reset/?|call/(v2/)?predict/?)"
)
VALUES = 4  # inputs of the page and of the HTTP API
DIGITS = 15  # of a stated length
JSON_BYTES = 2**20  # of a request without a file
FORM_BYTES = 2**16  # of an upload in addition to its file
log = logging.getLogger(__name__)


class RequestGuard:
    """Application that refuses requests, or passes them to another one.

    Args:
        app: application behind the guard
        uploads: recordings of the visitors
        limits: of a request
        hosts: names under which the server may be addressed; empty for any
    """

    def __init__(
        self,
        app: AsgiApp,
        uploads: UploadedFiles,
        limits: RequestLimits,
        hosts: Sequence[str] = (),
    ):
        self._app, self._uploads, self._limits = app, uploads, limits
        self._hosts = {host.casefold() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI defines it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # Gradio uses no web sockets
            await send({"type": "websocket.close", "code": 1008})
            return
        guarded, body = GuardedSend(send), LimitedBody(receive)
        try:
            await self._app(scope, await self._checked(scope, body), guarded)
        except RequestRefusal as error:
            await body.drain(scope)
            await guarded.refuse(error.status, str(error))
        except Exception as error:  # a visitor sees no traceback, whatever happens
            log.error("a request failed: %s: %s", type(error).__name__, error)
            await guarded.refuse(500, "the request could not be answered")

    async def _checked(self, scope: Scope, body: LimitedBody) -> Receive:
        """Return the source of the body, or raise a refusal."""
        headers = {
            k.decode("latin-1").lower(): v.decode("latin-1")
            for k, v in scope["headers"]
        }
        self._check_host(headers.get("host", ""))
        path, method = scope["path"], scope["method"]
        allowed = {"GET": READ, "HEAD": READ, "POST": WRITE}.get(method)
        if allowed is None or not allowed.fullmatch(path):
            raise RequestRefusal(404, f"this server has no address {method} {path:.80}")
        if (
            path.startswith(FILE)
            and self._uploads.find(unquote(path.removeprefix(FILE))) is None
        ):
            raise RequestRefusal(404, "this recording is not on the server (any more)")
        if method != "POST":
            return body
        return await self._checked_body(path, headers, body)

    def _check_host(self, host: str) -> None:
        """Raise a refusal if a page of another name addresses this server.

        A name server can give any name the address 127.0.0.1, so that a page elsewhere
        could read what this server answers.
        """
        name = re.sub(r":\d*$", "", host).casefold()
        if self._hosts and name not in self._hosts:
            raise RequestRefusal(
                403,
                f"this server is not {name:.80}; address it as "
                f"{' or '.join(sorted(self._hosts))}, or give --host",
            )

    async def _checked_body(
        self, path: str, headers: dict[str, str], body: LimitedBody
    ) -> Receive:
        """Return the source of a body that is limited, and refers to uploads only."""
        is_upload = path == UPLOAD
        most = self._limits.file_bytes + FORM_BYTES if is_upload else JSON_BYTES
        sentence = (
            f"the file is larger than {self._limits.file_size}, the most that this "
            f"server takes; shorten or compress the recording"
            if is_upload
            else f"the request is larger than {most:,} bytes; upload recordings first"
        )
        stated = headers.get("content-length", "0")
        is_number = stated.isdecimal() and len(stated) <= DIGITS
        if not is_number or int(stated) > most:
            raise RequestRefusal(413, sentence)
        if is_upload and self._uploads.size + int(stated) > self._limits.held_bytes:
            raise RequestRefusal(
                503, "the server holds as many recordings as it may; try again later"
            )
        body.limit(most, sentence)
        if is_upload:
            return body
        content = await body.read()
        self._check_json(content)
        return Replay(content, body)

    def _check_json(self, body: bytes) -> None:
        """Raise a refusal if a request is no JSON, or names a file that is none."""
        try:
            values = json.loads(body)
        except (ValueError, RecursionError):
            raise RequestRefusal(400, "the request is no valid JSON") from None
        if not isinstance(values, dict):
            raise RequestRefusal(400, "the request must be a JSON object")
        data = values.get("data")
        if "data" in values and not (isinstance(data, list) and len(data) == VALUES):
            raise RequestRefusal(
                400,
                "data must be a list of four values: recording, text, words and "
                'division; as in [null, "I am fine.", "typed", "windows"]',
            )
        for place in _file_places(values):
            if not isinstance(place, str) or self._uploads.find(place) is None:
                raise RequestRefusal(
                    400,
                    "a file of the request is not on this server, which deletes each "
                    "recording after some minutes; upload it (again)",
                )


def _file_places(values: Any) -> Iterator[Any]:
    """Yield what a request names as paths of files, at any depth."""
    pending = [values]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if "path" in value or "is_stream" in value:
                yield None if value.get("is_stream") else value.get("path")
            pending += value.values()
        elif isinstance(value, list):
            pending += value
