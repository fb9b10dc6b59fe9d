"""Record of a figure with its data and its description, and its files."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affuse.data.system.atomic_files import publish
from affuse.data.system.csv_tables import write_rows
from affuse.data.terminal import printable
from affuse.fuse.figures.figure_colours import GRID, INK, MUTED
from affuse.fuse.plots.plot_files import demand_matplotlib, encode_figure, plot_style
from affuse.fuse.reporting.escapes import for_csv
from affuse.fuse.reporting.table_records import NATURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXTRA = "page"  # of setup.cfg, with the packages that the page needs
WIDTH = 3.35  # inches, a column of a paper
MARGIN = 0.12  # inches at the right and the top of a figure
FOOT = 0.18  # inches for the line that names the kind of ratings
FILES = ("svg", "pdf")  # formats of the files of a figure
STYLE: dict[str, Any] = {
    "font.size": 7.5,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "svg.fonttype": "none",  # text stays text, which is smaller and can be read
    "pdf.fonttype": 42,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.titlesize": 8.0,
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.0,
    "legend.frameon": False,
    "legend.fontsize": 7.0,
    "savefig.transparent": True,  # the background is that of the page
}


@dataclass(frozen=True)
class ReportFigure:
    """Figure of a report, which is drawn when it is needed."""

    name: str  # of its files, without an ending; unique in a report
    title: str
    description: str  # all that a reader must know who cannot see the figure
    kind: str  # of the ratings in words, which every figure names
    columns: tuple[str, ...]  # of its data
    rows: Sequence[Sequence[object]]  # its data
    height: float  # inches
    draw: Callable[["Figure"], None]


def file_word(text: str) -> str:
    """Return a text as a part of a file name: small letters, digits and hyphens.

    Args:
        text: any text, e.g. the name of a design

    Examples:
        >>> file_word("early (Latent=64)"), file_word("../x")
        ('early-latent-64', 'x')
    """
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:60]


def cut(text: str, length: int) -> str:
    """Return a printable text of limited length, which ends in an ellipsis if cut.

    Args:
        text: any text
        length: largest number of characters

    Examples:
        >>> cut("a long name", 7)
        'a long…'
    """
    words = printable(text)
    if len(words) <= length:
        return words
    return words[: length - 1] + "\N{HORIZONTAL ELLIPSIS}"


def add_axes(
    figure: "Figure", *, left: float, bottom: float, height: float = 0.0
) -> "Axes":
    """Return new axes with margins in inches, which end near the right edge.

    Args:
        figure: of any size
        left: margin for the labels of the vertical axis
        bottom: margin for the labels of the horizontal axis
        height: of the axes; 0 takes all that is left below the title
    """
    width, whole = figure.get_size_inches()
    height = height or whole - bottom - 2.2 * MARGIN
    return figure.add_axes(
        (left / width, bottom / whole, (width - left - MARGIN) / width, height / whole)
    )


def draw_figure(figure: ReportFigure) -> "Figure":
    """Return a drawn figure; call this within `plot_style`.

    Args:
        figure: to draw
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(WIDTH, figure.height))
    figure.draw(drawn)
    if figure.kind != NATURES["human"]:
        drawn.text(
            *(0.99, 0.03 / figure.height, figure.kind),
            ha="right",
            color=MUTED,
            size=6.5,
        )
    return drawn


def encode(figure: ReportFigure, form: str) -> bytes:
    """Return the file of a figure.

    Args:
        figure: to draw
        form: ``svg``, ``pdf`` or ``png``
    """
    with plot_style(STYLE):
        return encode_figure(draw_figure(figure), form)


def write_figures(folder: Path, figures: Sequence[ReportFigure]) -> None:
    """Write each figure as SVG and PDF, and its data as CSV.

    Args:
        folder: of the files, which is made if it is missing
        figures: of a report

    Raises:
        AffuseError: if matplotlib is not installed
        OSError: if a file cannot be written
    """
    demand_matplotlib("--figures", EXTRA)
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        for form in FILES:
            publish(folder / f"{figure.name}.{form}", encode(figure, form))
        rows = ([for_csv(value) for value in row] for row in figure.rows)
        write_rows(folder / f"{figure.name}.csv", figure.columns, rows)
