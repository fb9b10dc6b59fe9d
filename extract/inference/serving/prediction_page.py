"""Page of one model in Gradio: inputs, the button, and the place of the answer.

Gradio is an extra, so it is imported in functions only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from affuse.data.scale_columns import format_scale
from affuse.extract.inference.prediction_columns import (
    PredictionColumns,
    describe_model,
)
from affuse.extract.inference.serving.answer_page import (
    HERE,
    caution,
    rating_scales,
    render_answer,
)
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.serving_request import (
    Division,
    ServingAnswer,
    ServingRequest,
    Words,
)
from affuse.extract.inference.serving.uploaded_files import UploadedFiles
from affuse.fuse.wording import count

if TYPE_CHECKING:
    from gradio import Blocks

TYPED, RECOGNISED, NONE = "I type the words", "Recognise the words", "Without words"
WORDS: dict[str, Words] = {TYPED: "typed", RECOGNISED: "recognised", NONE: "none"}
WINDOWS, SPEECH = "Windows of 8 s", "Segments with speech"
DIVISIONS: dict[str, Division] = {WINDOWS: "windows", SPEECH: "speech"}
API = "predict"  # name of the function of the HTTP API
FILE_ADDRESS = "gradio_api/file="  # of an upload, before its path
ONE_AT_A_TIME = "prediction"  # name of the queue that the page and the API share


class PageSessions:
    """Uploads by the session of the page that predicted them.

    Args:
        uploads: of all sessions
    """

    def __init__(self, uploads: UploadedFiles):
        self._uploads = uploads
        self._paths: dict[str, set[Path]] = {}

    def add(self, session: str, path: Path) -> None:
        """Delete the other uploads of a session, and note its new one.

        Args:
            session: name that Gradio gave it
            path: of the upload
        """
        for old in self._paths.get(session, set()) - {path}:
            self._uploads.remove(old)
        self._paths[session] = {path}

    def close(self, session: str) -> None:
        """Delete the uploads of a session whose page was closed.

        Args:
            session: name that Gradio gave it
        """
        for path in self._paths.pop(session, set()):
            self._uploads.remove(path)


def build_page(served: ServedModel, uploads: UploadedFiles) -> "Blocks":
    """Return the page and its functions.

    Args:
        served: model, with its limits
        uploads: recordings of the visitors
    """
    import gradio

    facts, sessions = served.facts, PageSessions(uploads)
    title = f"Affuse: {facts.name}"
    with gradio.Blocks(analytics_enabled=False, title=title) as page:
        gradio.HTML(_heading(served), js_on_load=None)
        recording, text, words, division = _inputs(served)
        button = gradio.Button("Predict", variant="primary")
        answer = gradio.HTML(
            css_template=_read("answer.css"),
            js_on_load=_read("answer.js"),
            apply_default_css=False,
        )

        def predict_on_page(
            path: str | None,
            typed: str,
            source: str,
            divided: str,
            request: gradio.Request,
        ) -> str:
            found = uploads.find(path) if path else None
            if path and found is None:
                return render_answer(ServingAnswer(sentence=_gone(served)), facts)
            if found is not None:
                sessions.add(request.session_hash or "", found)
            asked = ServingRequest(
                path=found,
                name=found.name if found else "",
                text=typed or "",
                words=WORDS.get(source, "typed"),
                division=DIVISIONS.get(divided, "windows"),
            )
            sound = f"{FILE_ADDRESS}{quote(str(found))}" if found else ""
            return render_answer(served.answer(asked), facts, sound)

        button.click(
            predict_on_page,
            [recording, text, words, division],
            answer,
            api_visibility="private",
            concurrency_id=ONE_AT_A_TIME,
            concurrency_limit=1,
        )

        def close_page(request: gradio.Request) -> None:
            sessions.close(request.session_hash or "")

        page.unload(close_page)
        gradio.api(
            api_function(served, uploads),
            api_name=API,
            concurrency_id=ONE_AT_A_TIME,
            concurrency_limit=1,
        )
    page.queue(max_size=served.limits.waiting, status_update_rate=5)
    return page


def api_function(served: ServedModel, uploads: UploadedFiles) -> Callable[..., Any]:
    """Return the function of the HTTP API.

    Args:
        served: model, with its limits
        uploads: recordings of the visitors
    """
    import gradio

    def predict(
        recording: gradio.FileData | None = None,
        text: str = "",
        words: Words = "typed",
        division: Division = "windows",
    ) -> dict[str, Any]:
        """Predict a recording or a text; the recording is deleted afterwards."""
        path = recording.get("path") if isinstance(recording, dict) else recording
        found = uploads.find(str(path)) if path else None
        try:
            if path and found is None:
                raise gradio.Error(_gone(served), print_exception=False)
            if not (isinstance(text, str) and words in WORDS.values()) or (
                division not in DIVISIONS.values()
            ):
                raise gradio.Error(
                    f"text must be a string, words one of {', '.join(WORDS.values())}, "
                    f"and division one of {', '.join(DIVISIONS.values())}",
                    print_exception=False,
                )
            name = found.name if found else ""
            asked = ServingRequest(found, name, text, words, division)
            answer = served.answer(asked)
            if answer.predictions is None:
                raise gradio.Error(answer.sentence, print_exception=False)
            return answer_values(answer)
        finally:
            if found is not None:
                uploads.remove(found)

    return predict


def answer_values(answer: ServingAnswer) -> dict[str, Any]:
    """Return an answer as plain values for the HTTP API.

    Args:
        answer: with predictions

    Returns:
        facts on the model, the cells of each segment as in a CSV file, and notes
    """
    assert answer.predictions is not None  # the caller refuses others
    columns = PredictionColumns(answer.predictions.facts)
    return {
        "model": describe_model(answer.predictions.facts),
        "segments": list(columns.all_cells(answer.predictions.segments)),
        "notes": list(answer.notes),
    }


def _inputs(served: ServedModel) -> tuple[Any, Any, Any, Any]:
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
    return recording, text, words, division


def _heading(served: ServedModel) -> str:
    """Return the top of the page: the model, its ratings, and what limits them."""
    from markupsafe import escape

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


def _gone(served: ServedModel) -> str:
    """Return the sentence for a recording that is not on the server."""
    return (
        f"the recording is not on this server, which deletes each one after "
        f"{served.limits.kept_seconds / 60:.0f} minutes; upload it again"
    )


def _read(name: str) -> str:
    """Return a file of this folder."""
    return (HERE / name).read_text(encoding="utf-8")
