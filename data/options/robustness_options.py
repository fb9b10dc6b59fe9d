"""Options of `robustness`: the models of a run on degraded inputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data import plugins
from affuse.data.options.option_fields import READ, SHOW, WRITE, argument, option
from affuse.data.options.option_types import FOLDER, ONE_OR_MORE
from affuse.data.options.output_options import OutputFile
from affuse.data.options.prediction_options import RecordedCheckpoints
from affuse.data.options.run_options import RunInput
from affuse.data.options.shared_options import ComputeOptions
from affuse.data.plugin_kinds import DEGRADATION_KIND

TABLE_FORMATS = ("text", "csv", "json")


def _condition_help() -> str:
    """Return the help of ``--condition``, with the names of all degradations."""
    names = ", ".join((*plugins.names(DEGRADATION_KIND), "recognised"))
    return (
        f"Measure only this condition, for example noise:10 or telephone. NAME is one "
        f"of {names}. The option may be repeated.  [default: a selection for each "
        f"modality that the run takes]"
    )


@dataclass(frozen=True, kw_only=True)
class Robustness(RunInput, RecordedCheckpoints, ComputeOptions, OutputFile):
    """Options of `robustness`: score a run on degraded recordings and transcripts."""

    COMMAND: ClassVar[str] = "robustness"
    MOVED: ClassVar[Mapping[str, str]] = {"form": SHOW, "output": WRITE}
    HEADING: ClassVar[str] = READ

    run: Path = argument(type=FOLDER)  # again, because it precedes the folder
    root: Path | None = argument(default=None)
    recordings: Path | None = option(
        "--recordings",
        default=None,
        type=FOLDER,
        help="Folder of the recordings that a manifest names, if they were moved.  "
        "[default: that of the extract command]",
    )
    conditions: tuple[str, ...] = option(
        "--condition",
        default=(),
        metavar="NAME[:VALUE]",
        is_list=True,
        help=_condition_help,
    )
    limit: int | None = option(
        "--limit",
        default=None,
        type=ONE_OR_MORE,
        help="Score only N test utterances, evenly spaced, for example --limit 50 for "
        "a quick trial. The table states it.  [default: all]",
    )
    batch: float | None = option(
        "--batch",
        default=None,
        help="Encode this many seconds of audio, or tokens of text, in a batch.  "
        "[default: audio 10 s on a CPU and 320 s on a GPU, text 512 and 32768 tokens]",
    )
    form: str = option(
        "--format",
        default="text",
        type=click.Choice(TABLE_FORMATS),
        help="Print the table in this format; csv and json hold all intervals.",
    )
