"""Bodies of requests and answers that pass the guard: limited, and with headers."""

import asyncio
import contextlib
import json
import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

DRAIN_SECONDS = 3.0  # in which the rest of a refused body is read
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# Gradio's own code needs inline scripts and styles; nothing may leave this server.
POLICY = (
    "default-src 'self'",
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self' data: blob:",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)
HEADERS = {
    "content-security-policy": "; ".join(POLICY),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


class RequestRefusal(Exception):
    """Refusal of a request, with the status of HTTP and a sentence."""

    def __init__(self, status: int, sentence: str):
        super().__init__(sentence)
        self.status = status


class LimitedBody:
    """Source of a body that raises a refusal when the body is too large."""

    def __init__(self, receive: Receive):
        self._receive, self._sentence = receive, ""
        self._left = math.inf  # bytes
        self._is_complete = False

    def limit(self, most: int, sentence: str) -> None:
        """Set the limit.

        Args:
            most: bytes of the body
            sentence: for the refusal
        """
        self._left, self._sentence = most, sentence

    async def __call__(self) -> Message:
        """Return the next part of the body."""
        message = await self._receive()
        self._is_complete = not message.get("more_body")  # also if the client is gone
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            self._left = math.inf  # the rest is only drained
            raise RequestRefusal(413, self._sentence)
        return message

    async def read(self) -> bytes:
        """Return the whole body."""
        parts = []
        while not self._is_complete:
            parts.append((await self()).get("body", b""))
        return b"".join(parts)

    async def drain(self, scope: Scope) -> None:
        """Read the rest of a body that is refused, for a limited time.

        A client that still sends may lose the answer, because the connection is reset
        when it is closed. A client that asks whether it may send (``Expect``) is not
        kept.

        Args:
            scope: of the request
        """
        names = {name.lower() for name, _ in scope["headers"]}
        if scope["method"] != "POST" or b"expect" in names:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self._is_complete:
                    await self()


class Replay:
    """Source of a body that was read before."""

    def __init__(self, body: bytes, receive: Receive):
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        """Return the body, and afterwards what the connection says."""
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class GuardedSend:
    """Way to the visitor, which adds headers, and takes a refusal at any time."""

    def __init__(self, send: Send):
        self._send, self._is_started = send, False

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._is_started = True
            names = {name.lower() for name, _ in message.get("headers", ())}
            more = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
            added = [(k, v) for k, v in more if k not in names]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await self._send(message)

    async def refuse(self, status: int, sentence: str) -> None:
        """Answer with a sentence, unless an answer has begun.

        Args:
            status: of HTTP
            sentence: what is wrong
        """
        if self._is_started:
            return
        body = json.dumps({"detail": sentence}).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),  # the rest of a body is not read
        ]
        await self(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        await self({"type": "http.response.body", "body": body})
