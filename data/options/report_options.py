"""Options of `report`: selection of runs, and contents of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import click

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import READ, SHOW, WRITE, option
from affuse.data.options.option_types import FILE, FOLDER, formats
from affuse.data.options.output_options import OutputFile
from affuse.data.options.shared_options import RunsFolder


@dataclass(frozen=True, kw_only=True)
class RunSelection(Command):
    """Filters that select the runs of a report; an empty filter selects all runs."""

    HEADING: ClassVar[str] = READ

    corpus: str = option(
        "--corpus", default="", help="Show only runs on this corpus.  [default: all]"
    )
    protocol: str = option(
        "--protocol",
        default="",
        help="Show only runs with this protocol.  [default: all]",
    )
    run: tuple[str, ...] = option(
        "--run",
        default=(),
        metavar="NAME",
        help="Show only the run with this folder name, or with a name that "
        "begins like this. The option may be repeated.  [default: all]",
    )
    design: tuple[str, ...] = option(
        "--design",
        default=(),
        metavar="DESIGN",
        is_list=True,
        help="Show only runs of this design. The option may be repeated, or "
        "name several: --design early,late.  [default: all]",
    )
    audio: tuple[str, ...] = option(
        "--audio",
        default=(),
        metavar="CHECKPOINT",
        help="Show only runs on this audio checkpoint, or on this commit of it. Runs "
        "that take no audio are shown too. The option may be repeated.  [default: all]",
    )
    text: tuple[str, ...] = option(
        "--text",
        default=(),
        metavar="CHECKPOINT",
        help="Show only runs on this text checkpoint, as with --audio.  [default: all]",
    )

    @property
    def is_filtered(self) -> bool:
        """True if the filters may leave rows out of a table."""
        return bool(self.run or self.design or self.audio or self.text)


@dataclass(frozen=True, kw_only=True)
class TableContents(Command):
    """Comparisons, measures and rows that the tables of a report show."""

    HEADING: ClassVar[str] = SHOW

    against: str = option(
        "--against",
        default="",
        metavar="DESIGN",
        help="Compare every other row with this design.  [default: fusion designs "
        "are compared with the best single modality]",
    )
    pairs: bool = option(
        "--pairs",
        default=False,
        help="Compare each pair of rows, with Holm's correction.  [default: no pairs]",
    )
    unit: str | None = option(
        "--unit",
        default=None,
        type=click.Choice(["dialogue", "speaker", "recording", "utterance"]),
        help="Treat these units as independent in intervals and tests.  [default: "
        "the first of dialogue, speaker, recording and utterance that is known; but "
        "speaker if each dialogue has one speaker, and folds separate speakers]",
    )
    by: str = option(
        "--by",
        default="",
        metavar="COLUMN",
        help="Score the groups of this column separately: gender, speaker, "
        "session, dialogue, or a column of the corpus's table, for "
        "example language. Improvised, scripted and new sentences are "
        "always scored separately where they are known.",
    )
    columns: str = option(
        "--columns",
        default="",
        metavar="NAMES",
        help="Also show these metrics, for example "
        "rmse,mae,pearson.  [default: only CCC]",
    )
    ensemble: bool = option(
        "--ensemble",
        default=False,
        help="Add a row for each run with several seeds: the mean of their "
        "predictions.  [default: no such row]",
    )
    split: bool = option(
        "--split",
        default=False,
        help="Also show the correlation, the scale shift and the location shift of "
        "which each CCC is composed.  [default: only CCC]",
    )
    mapped: bool = option(
        "--mapped",
        default=False,
        help="Add a row for each network with mapped predictions. The affine map "
        "maximises CCC on validation predictions.  [default: only the network of "
        "highest validation CCC has such a row, if the table has a mapped "
        "baseline]",
    )


@dataclass(frozen=True, kw_only=True)
class ReportContents(RunSelection, TableContents):
    """Runs that a report shows, and the contents of its tables."""


@dataclass(frozen=True, kw_only=True)
class Report(ReportContents, OutputFile, RunsFolder):
    """Options of `report`: print the table."""

    COMMAND: ClassVar[str] = "report"
    MOVED: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("runs", "cache", "transcripts", "sounds", "imports", "label", "scale"), READ
    )
    HEADING: ClassVar[str] = WRITE
    imports: tuple[Path, ...] = option(
        "--import",
        default=(),
        type=FILE,
        metavar="FILE",
        help="Also score the predictions of another system, from a CSV table with "
        "the columns id, valence, arousal and dominance. The option may be repeated.  "
        "[default: only runs]",
    )
    label: tuple[str, ...] = option(
        "--label",
        default=(),
        metavar="NAME",
        help="Name of the system of --import; one for each file.  [default: the name "
        "of the file]",
    )
    scale: tuple[float, float] | None = option(
        "--scale",
        default=None,
        metavar="LOW HIGH",
        help="Lowest and highest rating of the scale of --import, for example "
        "--scale 1 5.  [default: -1 1]",
    )
    form: str = option(
        "--format",
        default="text",
        type=formats,
        help="Print the tables in this format. For html, name a file with --output "
        "(or pipe it), and open it in a browser: it has all tables and figures, and "
        "compares all pairs of rows.",
    )
    figures: Path | None = option(
        "--figures",
        default=None,
        type=FOLDER,
        help="Also write the figures of the page into this folder, as SVG and PDF in "
        "the width of a paper's column, and their data as CSV.  [default: no files]",
    )
    cache: Path | None = option(
        "--cache",
        default=None,
        type=FOLDER,
        help="Also score groups by duration, and fusion designs with a modality "
        "removed or permuted, with the cache in this folder; the page shows it.  "
        "[default: not measured]",
    )
    transcripts: Path | None = option(
        "--transcripts",
        default=None,
        type=FILE,
        metavar="FILENAME",
        help="Also show the transcripts of the utterances with the largest errors on "
        "the page, from this table of `utterances`. The licence of a corpus may forbid "
        "to share such a page.  [default: no transcripts]",
    )
    sounds: Path | None = option(
        "--sound",
        default=None,
        type=FOLDER,
        metavar="FOLDER",
        help="Also play the recordings of these utterances on the page, 20 s of each "
        "at most. FOLDER is that of the corpus, as ROOT of `extract`. It needs "
        "--transcripts.  [default: no recordings]",
    )
