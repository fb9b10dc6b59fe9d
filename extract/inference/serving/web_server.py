"""Web server of `serve`: it loads the model, listens, and stops in order."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator

from affuse.data.errors import AffuseError
from affuse.data.options.serving_options import Serve
from affuse.data.system.environment import extra_command
from affuse.extract.inference.file_predictions import model_request
from affuse.extract.inference.model_sources import open_model
from affuse.extract.inference.serving.answer_page import caution
from affuse.extract.inference.serving.request_guard import RequestGuard
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.serving_application import (
    LOOPBACK,
    build_application,
)
from affuse.extract.inference.serving.serving_request import RequestLimits
from affuse.extract.inference.serving.uploaded_files import upload_folder
from affuse.extract.transcription import faster_whisper_models
from affuse.extract.transcription.transcript_records import RecognitionOptions

EXTRA = "serve"  # of setup.cfg
CONNECTIONS = 200  # at the same time
SETTINGS = {  # of Gradio and of libraries that it imports
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_RUN_HISTORY": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
Say = Callable[[str], object]


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
    with listen(options.host, options.port):
        pass  # an address that is not free is named before the model is loaded
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
def listen(host: str, port: int) -> Iterator[socket.socket]:
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


def _run(app: RequestGuard, listener: socket.socket) -> None:
    """Answer requests until the process is interrupted or terminated."""
    import uvicorn

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)  # so that uploads are deleted then too
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_graceful_shutdown=2,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
