"""Page of one model in Gradio: inputs, the button, and the place of the answer.

Gradio is an extra, so it is imported in functions only.
"""

from html import escape
from typing import TYPE_CHECKING, Any

from affuse.data.scale_columns import format_scale
from affuse.extract.inference.serving.answer_page import HERE, caution, rating_scales
from affuse.extract.inference.serving.page_functions import (
    NONE,
    RECOGNISED,
    SPEECH,
    TYPED,
    WINDOWS,
    PageSessions,
    api_function,
    page_function,
)
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.uploaded_files import UploadedFiles
from affuse.fuse.wording import count

if TYPE_CHECKING:
    from gradio import Blocks

API = "predict"  # name of the function of the HTTP API
QUEUE: dict[str, Any] = {"concurrency_id": "prediction", "concurrency_limit": 1}


def build_page(served: ServedModel, uploads: UploadedFiles) -> "Blocks":
    """Return the page and its functions.

    Args:
        served: model, with its limits
        uploads: recordings of the visitors
    """
    import gradio

    sessions = PageSessions(uploads)
    title = f"Affuse: {served.facts.name}"
    with gradio.Blocks(analytics_enabled=False, title=title) as page:
        gradio.HTML(_heading(served), js_on_load=None)
        inputs = _inputs(served)
        button = gradio.Button("Predict", variant="primary")
        answer = gradio.HTML(
            js_on_load=_read("answer.js"),
            apply_default_css=False,
        )
        predict = page_function(served, uploads, sessions)
        button.click(predict, inputs, answer, api_visibility="private", **QUEUE)

        def close_page(request: gradio.Request) -> None:
            sessions.close(request.session_hash or "")

        page.unload(close_page)
        gradio.api(api_function(served, uploads), api_name=API, **QUEUE)
    page.queue(max_size=served.limits.waiting, status_update_rate=5)
    return page


def _inputs(served: ServedModel) -> list[Any]:
    """Return the components for recording, text, its source, and the division."""
    import gradio

    sources = [TYPED] if served.takes("text") else [NONE]
    if served.takes("text"):
        sources += [RECOGNISED] if served.recogniser else []
        sources += [] if served.needs("text") else [NONE]
    recording = gradio.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        label="Recording",
        buttons=[],
        editable=False,
        visible=served.takes("audio"),
    )
    several = len(sources) > 1
    words = gradio.Radio(sources, value=sources[0], label="Words", visible=several)
    text = gradio.Textbox(
        label="Transcript",
        lines=2,
        max_length=served.limits.characters,
        visible=served.takes("text"),
    )
    divisions = [WINDOWS, SPEECH] if served.detector else [WINDOWS]
    division = gradio.Radio(
        divisions,
        value=WINDOWS,
        label="Divide recordings over 20 s into",
        visible=served.takes("audio") and len(divisions) > 1,
    )
    return [recording, text, words, division]


def _heading(served: ServedModel) -> str:
    """Return the top of the page: the model, its ratings, and what limits them."""
    facts, limits = served.facts, served.limits
    warning = caution(facts)
    scale = format_scale(facts.scale) if facts.scale else "-1 to 1"
    where = f" on the corpus {facts.corpus}" if facts.corpus else ""
    lines = [
        f"Mean of {count(facts.models, 'model')} of {facts.name}, trained{where} with "
        f"{facts.nature} ratings from {scale}. Ratings: "
        + "; ".join(each.sentence for each in rating_scales(facts))
        + ".",
        "A prediction estimates how listeners would rate the recording on average. It "
        "does not say what the speaker feels, and is no ground for a decision about a "
        "person.",
        f"Recordings up to {limits.file_size} and {limits.seconds:,.0f} s stay on this "
        f"server. It deletes them when you close this page, and "
        f"{limits.kept_seconds / 60:.0f} minutes after the upload at the latest.",
    ]
    parts = [f"<h1>Affuse: {escape(facts.name)}</h1>"]
    if warning:
        parts.append(f'<p class="warning"><strong>{escape(warning)}</strong></p>')
    parts += [f"<p>{escape(line)}</p>" for line in lines]
    return f'<div class="facts">{"".join(parts)}</div>'


def _read(name: str) -> str:
    """Return a file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
