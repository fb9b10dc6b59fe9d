"""One command's predictions of recordings: to the screen, or to a file."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import attrgetter

from affuse.data.system.progress import bar
from affuse.extract.inference.finished_output import demand_same_inputs
from affuse.extract.inference.loaded_model import LoadedFileModel
from affuse.extract.inference.output_file import (
    OutputRequest,
    PredictionOutput,
    file_stamp,
    is_finished,
    open_output,
)
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.prediction_columns import PredictionColumns
from affuse.extract.inference.prediction_format import WIDTH, load_prediction_format
from affuse.extract.inference.prediction_loop import predict_segments
from affuse.extract.inference.recording_search import Found
from affuse.extract.inference.segments import Recording, Segment
from affuse.fuse.wording import count

MOST_NAMED = 20  # recordings without a prediction that are named one by one
log = logging.getLogger(__name__)

# divides inputs into segments, and passes on results without a prediction
Division = Callable[[Sequence[Found]], Iterable[Segment | PredictedSegment]]


@dataclass
class PredictionTask:
    """Recordings to predict with one model."""

    model: LoadedFileModel
    divide: Division
    inputs: Sequence[Found]
    # draws the segments with a prediction; None if nothing is drawn
    draw: Callable[[Iterable[PredictedSegment]], object] | None = None
    failed: list[PredictedSegment] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        """Names of all inputs in their order, each once."""
        return list(dict.fromkeys(item.file for item in self.inputs))

    def predictions(
        self, inputs: Sequence[Found], *, show: bool
    ) -> Iterator[list[PredictedSegment]]:
        """Yield the segments of each input, together.

        Args:
            inputs: to be predicted
            show: True to show progress
        """
        results = predict_segments(self.model, self.divide(inputs))
        total = len({item.file for item in inputs})
        with bar(
            total=total, name="predict", unit="file", show=show, delay=1.0
        ) as progress:
            for _, group in groupby(results, key=attrgetter("file")):
                recording = list(group)
                self.failed += [segment for segment in recording if segment.reason]
                progress.update(1)
                yield recording

    def render(
        self, form: str, columns: PredictionColumns, *, show: bool
    ) -> Iterator[str]:
        """Yield the output in one format, as soon as each recording is predicted.

        Args:
            form: name of the format
            columns: of the output
            show: True to show progress
        """
        drawn: list[PredictedSegment] = []

        def keep(recording: list[PredictedSegment]) -> list[PredictedSegment]:
            drawn.extend(recording if self.draw else ())
            return recording

        predictions = map(keep, self.predictions(self.inputs, show=show))
        yield from load_prediction_format(form).render(
            columns, predictions, width=WIDTH
        )
        self._draw(drawn)

    def write(self, request: OutputRequest, say: Callable[[str], object]) -> None:
        """Write the predictions to a file, or continue an interrupted command.

        Args:
            request: for the file
            say: prints a line

        Raises:
            OptionError: if the file exists and is not of this command, or is finished
                and of other inputs
            OSError: if it cannot be written
        """
        keys = self.keys
        if is_finished(request):
            demand_same_inputs(request, self.inputs)
            drawn = " or drawn" if self.draw else ""
            say(
                f"{request.path} is finished already; nothing was predicted{drawn}; to "
                f"predict again, as with other windows, remove it first"
            )
            return
        with open_output(request) as output:
            output.demand_no_others(keys)
            missing = [item for item in self.inputs if not _is_done(item, output)]
            if done := len(keys) - len({item.file for item in missing}):
                say(f"{count(done, 'recording')} predicted before: kept")
            stamps = {item.file: _stamp(item) for item in missing}
            for recording in self.predictions(missing, show=True):
                name = recording[0].file
                output.add(name, recording, stamps[name])
            failed = output.finish(keys)
            self._draw(output.segments(keys))
        say(f"{request.path}: predictions of {count(len(keys), 'recording')}")
        if failed:
            say(
                f"{failed:,} could not be predicted in full; repeat the command to try "
                f"again ({request.journal.name} is kept for that)"
            )

    def _draw(self, segments: Iterable[PredictedSegment]) -> None:
        """Draw the segments that have a prediction, if there are any."""
        predicted = [each for each in segments if self.draw and not each.reason]
        if self.draw and predicted:
            self.draw(predicted)

    def name_failures(self) -> None:
        """Log the recordings that could not be predicted, with their reasons."""
        for segment in islice(self.failed, MOST_NAMED):
            log.warning("%s: %s", segment.file or "the text", segment.reason)
        if (more := len(self.failed) - MOST_NAMED) > 0:
            log.warning("%d more could not be predicted; the output names them", more)


def _is_done(item: Found, output: PredictionOutput) -> bool:
    """Return True if an input was predicted by an earlier command."""
    return isinstance(item, Recording) and output.is_done(item.file, _stamp(item))


def _stamp(item: Found) -> str:
    """Return the state of an input: of its file, its texts and its speakers."""
    if not isinstance(item, Recording):
        return ""
    # Without turns, the stamp is that of older journals.
    facts = (item.texts, item.turns) if item.turns else item.texts
    texts = hashlib.sha256(repr(facts).encode(errors="replace")).hexdigest()[:16]
    state = ""
    if item.path is not None:
        with suppress(OSError):  # the prediction states the reason
            state = file_stamp(item.path)
    return f"{state} {texts}"
