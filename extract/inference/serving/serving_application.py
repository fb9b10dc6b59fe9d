"""Application of the web server: Gradio behind a guard, and uploads that are deleted.

Gradio is an extra, so it is imported in functions only.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from affuse.data.options.serving_options import LOCAL
from affuse.extract.inference.serving.answer_page import HERE
from affuse.extract.inference.serving.guarded_streams import LimitedBody, RequestRefusal
from affuse.extract.inference.serving.prediction_page import build_page
from affuse.extract.inference.serving.request_guard import UPLOAD, RequestGuard
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.serving_request import (
    UPLOAD_SECONDS,
    RequestLimits,
)
from affuse.extract.inference.serving.uploaded_files import UploadedFiles

if TYPE_CHECKING:
    from gradio import Blocks
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

SWEEP = 30.0  # seconds between two searches for old uploads
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def build_application(
    served: ServedModel, uploads: UploadedFiles, host: str = LOCAL
) -> RequestGuard:
    """Return the application: the guard, the uploads, and Gradio behind them.

    Args:
        served: model, with its limits
        uploads: recordings of the visitors
        host: address that the server listens on
    """
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.root)  # Gradio reads it below
    import gradio
    from starlette.applications import Starlette
    from starlette.routing import Route

    async def upload(request: "Request") -> "Response":
        return await _upload(request, served.limits, uploads)

    @contextlib.asynccontextmanager
    async def lifespan(app: "Starlette") -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(uploads, served.limits.kept_seconds))
        try:
            yield
        finally:
            sweeping.cancel()

    page: Blocks = build_page(served, uploads)
    app = Starlette(
        routes=[Route(UPLOAD, upload, methods=["POST"])],
        exception_handlers={RequestRefusal: _refuse},
        lifespan=lifespan,
    )
    style = (HERE / "answer.css").read_text(encoding="utf-8")
    fonts = ("system-ui", "sans-serif"), ("ui-monospace", "monospace")
    gradio.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        pwa=False,
        enable_monitoring=False,
        mcp_server=False,
        max_file_size=served.limits.file_bytes,
        theme=gradio.themes.Base(font=fonts[0], font_mono=fonts[1]),
        head=f"<style>\n{style}</style>",
    )
    hosts = (*LOOPBACK, host) if host in LOOPBACK else ()
    return RequestGuard(app, uploads, served.limits, hosts)


async def _upload(
    request: "Request", limits: RequestLimits, uploads: UploadedFiles
) -> "Response":
    """Store one recording in its own folder, and return its path as Gradio does."""
    from gradio.route_utils import MultiPartException, upload_fn
    from gradio.routes import file_upload_statuses
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse

    folder, files = uploads.reserve(), list[str]()
    upload_id = request.query_params.get("upload_id")
    try:
        async with asyncio.timeout(UPLOAD_SECONDS):
            files, _, _ = await upload_fn(
                request,
                folder,
                limits.file_bytes,
                upload_id,
                upload_progress=file_upload_statuses if upload_id else None,
            )
    except TimeoutError:
        raise RequestRefusal(
            408, f"the upload took more than {UPLOAD_SECONDS:.0f} s; it was ended"
        ) from None
    except (MultiPartException, HTTPException, TypeError, KeyError):
        pass  # there is no file
    finally:
        if len(files) != 1:
            uploads.remove(folder)
    if len(files) != 1:
        raise RequestRefusal(
            400,
            "an upload is a form (multipart/form-data) with one file in the field "
            '"files"',
        )
    return JSONResponse([str(file) for file in files])


async def _refuse(request: "Request", error: Exception) -> "Response":
    """Return the sentence of a refusal that occurred while a body was read."""
    from starlette.responses import JSONResponse

    if isinstance(request.receive, LimitedBody):
        await request.receive.drain(request.scope)
    status = error.status if isinstance(error, RequestRefusal) else 500
    return JSONResponse({"detail": str(error)}, status, {"connection": "close"})


async def _sweep(uploads: UploadedFiles, seconds: float) -> None:
    """Delete old uploads again and again."""
    while True:
        await asyncio.sleep(min(SWEEP, seconds))
        uploads.remove_old(seconds)
