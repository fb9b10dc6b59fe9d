"""Functions that the page and the HTTP API call, with the uploads of each session.

Gradio is an extra, so it is imported in functions only.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from affuse.extract.inference.prediction_columns import (
    PredictionColumns,
    describe_model,
)
from affuse.extract.inference.serving.answer_page import render_answer
from affuse.extract.inference.serving.served_model import ServedModel
from affuse.extract.inference.serving.serving_request import (
    Division,
    ServingAnswer,
    ServingRequest,
    Words,
)
from affuse.extract.inference.serving.uploaded_files import UploadedFiles

TYPED, RECOGNISED, NONE = "I type the words", "Recognise the words", "Without words"
WORDS: dict[str, Words] = {TYPED: "typed", RECOGNISED: "recognised", NONE: "none"}
WINDOWS, SPEECH = "Windows of 8 s", "Segments with speech"
DIVISIONS: dict[str, Division] = {WINDOWS: "windows", SPEECH: "speech"}
FILE_ADDRESS = "gradio_api/file="  # of an upload, before its path


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


def page_function(
    served: ServedModel, uploads: UploadedFiles, sessions: PageSessions
) -> Callable[..., str]:
    """Return the function that the button of the page calls.

    Args:
        served: model, with its limits
        uploads: recordings of the visitors
        sessions: of the page
    """
    import gradio

    def predict_on_page(
        path: str | None,
        typed: str,
        source: str,
        divided: str,
        request: gradio.Request,
    ) -> str:
        found = uploads.find(path) if path else None
        if path and found is None:
            gone = ServingAnswer(sentence=served.limits.absence)
            return render_answer(gone, served.facts)
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
        return render_answer(served.answer(asked), served.facts, sound)

    return predict_on_page


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
                raise gradio.Error(served.limits.absence, print_exception=False)
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
