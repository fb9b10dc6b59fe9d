"""Web server of `serve`: Gradio behind a guard, with uploads that are deleted."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affuse.data.errors import AffuseError
from affuse.data.options.serving_options import LOCAL, Serve
from affuse.data.system.environment import extra_command
from affuse.extract.inference.file_predictions import model_request
from affuse.extract.inference.model_sources import open_model
from affuse.extract.inference.serving.answer_page import caution
from affuse.extract.inference.serving.prediction_page import build_page
from affuse.extract.inference.serving.request_guard import (
    UPLOAD,
    RequestGuard,
    RequestRefusal,
)
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.serving_request import (
    UPLOAD_SECONDS,
    RequestLimits,
)
from affuse.extract.inference.serving.uploaded_files import (
    UploadedFiles,
    upload_folder,
)
from affuse.extract.transcription import faster_whisper_models
from affuse.extract.transcription.transcript_records import RecognitionOptions

if TYPE_CHECKING:
    from gradio import Blocks
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

EXTRA = "serve"  # of setup.cfg
SWEEP = 30.0  # seconds between two searches for old uploads
CONNECTIONS = 200  # at the same time
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SETTINGS = {  # of Gradio and of libraries that it imports
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
Say = Callable[[str], object]
log = logging.getLogger(__name__)


def serve(options: Serve, say: Say) -> None:
    """Serve the page of a model until the process is interrupted.

    Args:
        options: of the command line
        say: prints a line

    Raises:
        FileNotFoundError: if there is no such model
        AffuseError: if the extra is not installed, the model cannot be used, or the
            address is not free
    """
    options.demand_consistent()
    demand_gradio()
    served = load_served(options)
    if sentence := caution(served.facts):
        say(sentence)
    with listen(options.host, options.port) as listener, upload_folder() as uploads:
        port = listener.getsockname()[1]
        app = build_application(served, uploads, options.host)
        if options.host not in LOOPBACK:
            say(
                f"everybody who reaches this machine at port {port} can use the page, "
                f"which has no password and no encryption"
            )
        shown = f"[{options.host}]" if ":" in options.host else options.host
        say(f"{served.facts.name}: http://{shown}:{port}/ (Ctrl+C stops it)")
        _run(app, listener)
    say("stopped; all uploaded recordings are deleted")


def demand_gradio() -> None:
    """Raise an error if Gradio is not installed, and set it up.

    Raises:
        AffuseError: with the command that installs it
    """
    os.environ.update(SETTINGS)
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise AffuseError(
            f"the command serve needs the package gradio; {extra_command(EXTRA)}"
        ) from error


def load_served(options: Serve) -> ServedModel:
    """Return the model that options name, with its limits and speech models.

    Args:
        options: of the command line

    Raises:
        FileNotFoundError: if there is no such model
        AffuseError: if a model or the extra `transcribe` is missing
    """
    request = model_request(options)
    recogniser, detector = None, None
    if options.transcribe:
        recogniser = faster_whisper_models.load_recogniser(
            options.transcribe, RecognitionOptions(options.language), request.machine
        )
    with contextlib.suppress(AffuseError):  # windows remain
        detector = faster_whisper_models.load_detector()
    return ServedModel(
        open_model(request),
        RequestLimits.of(options),
        request.machine.threads,
        detector,
        recogniser,
    )


@contextlib.contextmanager
def listen(host: str, port: int) -> Any:
    """Open the socket of the server, and close it at the end.

    Args:
        host: address, such as 127.0.0.1
        port: 0 for a free one

    Raises:
        AffuseError: if the address is not valid, or is in use
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise AffuseError(
                f"the server cannot listen on {host}, port {port}: "
                f"{error.strerror or error}; choose another --port or --host"
            ) from error
        listener.listen()
        yield listener


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
    app = Starlette(routes=[Route(UPLOAD, upload, methods=["POST"])], lifespan=lifespan)
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
        css=(Path(__file__).parent / "answer.css").read_text(encoding="utf-8"),
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


async def _sweep(uploads: UploadedFiles, seconds: float) -> None:
    """Delete old uploads again and again."""
    while True:
        await asyncio.sleep(min(SWEEP, seconds))
        uploads.remove_old(seconds)


def _run(app: RequestGuard, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted or terminated."""
    import uvicorn

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # so that uploads are deleted then too
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
