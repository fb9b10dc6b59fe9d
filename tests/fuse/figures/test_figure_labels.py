"""Labels of figures of many rows do not overlap, and no line runs through them."""

from itertools import combinations, pairwise
from types import SimpleNamespace

import pytest

from affuse.fuse.figures.difference_figure import difference_figure
from affuse.fuse.figures.figure_colours import PAPER
from affuse.fuse.figures.forest_figure import ForestRow, forest
from affuse.fuse.figures.learning_figure import learning_figure
from affuse.fuse.figures.line_figure import LineAxes, line_figure
from affuse.fuse.figures.report_figure import STYLE, draw_figure
from affuse.fuse.plots.plot_files import plot_style
from affuse.fuse.reporting.table_records import Pair, Versus
from affuse.fuse.scoring.intervals import Interval
from affuse.fuse.trained.training_history import LearningCurve

pytest.importorskip("matplotlib")


def table_of(count):
    """Return a table with the differences of all pairs of some rows."""
    names = [f"crossattention {k}" for k in range(count)]
    versus = Versus("", Interval(0.1, 0.0, 0.2), 0.01, 0.02)
    pairs = [Pair(a, b, versus) for a, b in combinations(names, 2)]
    rows = [SimpleNamespace(name=name, is_compared=True) for name in names]
    return SimpleNamespace(pairs=pairs, rows=rows, kind="human ratings")


@pytest.mark.parametrize("count", [2, 10, 17, 30])
def test_numbers_of_rows_and_columns_do_not_overlap(count):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with plot_style(STYLE):
        drawn = draw_figure(difference_figure(table_of(count)))
        FigureCanvasAgg(drawn).draw()
        (axes,) = drawn.axes
        columns = [label.get_window_extent() for label in axes.get_xticklabels()]
        rows = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert len(columns) == len(rows) == count
    gap = 0.15 * columns[0].height  # between two numbers of two digits
    assert all(a.x1 + gap < b.x0 for a, b in pairwise(columns))
    assert all(a.y0 > b.y1 for a, b in pairwise(rows))


@pytest.mark.parametrize("scores", [(-0.04, -0.02, 0.05), (0.25, 0.4, 0.46)])
def test_the_label_of_the_vertical_axis_is_inside_the_figure(scores):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    points = list(enumerate(scores))
    curve = LearningCurve("5", "0", (1, 2, 3), scores)
    figures = (
        learning_figure(
            SimpleNamespace(kind="human ratings"),
            *(1, SimpleNamespace(name="early"), [curve]),
        ),
        line_figure("f", "F", "human ratings", LineAxes("x", "y"), {"a": points}),
    )
    for figure in figures:
        with plot_style(STYLE):
            drawn = draw_figure(figure)
            FigureCanvasAgg(drawn).draw()
            (axes,) = drawn.axes
            assert axes.yaxis.label.get_window_extent().x0 >= 0
            epochs = [tick for tick in axes.get_xticks() if 1 <= tick <= 3]
        assert all(tick == int(tick) for tick in epochs)


def test_no_line_of_a_forest_plot_runs_through_a_name():
    rows = [ForestRow(f"early {k}", Interval(0.1, -0.1, 0.3)) for k in range(3)]
    with plot_style(STYLE):
        (axes,) = draw_figure(forest("f", "F", "human ratings", rows)).axes
    for text in axes.texts:
        back = text.get_bbox_patch()
        assert back is not None
        assert back.get_facecolor()[3] == 1
        assert text.get_zorder() > max(line.get_zorder() for line in axes.lines)
    assert PAPER == "#ffffff"  # of which dark pages have another colour
