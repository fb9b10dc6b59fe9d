"""Command calibrate: fit on validation parts, score on test parts, and print scores."""

import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from affuse.data.cache import store
from affuse.data.cache.run_recipes import can_predict
from affuse.data.errors import AffuseError
from affuse.data.options.command_record import next_line
from affuse.data.options.option_fields import SCREEN
from affuse.data.options.prediction_options import Predict
from affuse.data.options.run_options import Calibrate
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_predictions import Run, read_run
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.data.system.text_columns import align_columns
from affuse.data.terminal import page_width, printable
from affuse.fuse.calibration import calibration_file, rejection
from affuse.fuse.calibration.calibration_fitting import Calibrations, fit
from affuse.fuse.calibration.calibration_notes import notes
from affuse.fuse.calibration.calibration_scores import CalibrationScores, apply, measure
from affuse.fuse.calibration.chart import draw
from affuse.fuse.calibration.rejection import RejectionPoint
from affuse.fuse.inputs.rating_variation import demand_defined
from affuse.fuse.reporting.table_records import kind_of_ratings
from affuse.fuse.trained.fold_predictions import (
    read_validation_parts,
    select_test_parts,
)
from affuse.fuse.trained.model_folders import finished_models, warn_of_unlisted_models
from affuse.fuse.wording import figure

CALIBRATED = (  # files that the command writes
    *(RunFolder.calibration, RunFolder.rejection),
    RunFolder.rejection_chart,  # last, because a run of one seed has no chart
)
SHOWN = (1.0, 0.9, 0.8, 0.6, 0.4)  # shares of kept utterances in the table
WIDTH = 100  # columns of the page
ERRORS = (
    5  # columns of CCC and RMSE in the table of scores; the others are of intervals
)


def calibrate_run(options: Calibrate) -> None:
    """Fit the calibration of a run, and write the text of `calibrate`.

    Args:
        options: of the command line
    """
    text = calibrate(
        options.run,
        level=options.level,
        by=options.by,
        cache=options.cache,
        width=page_width(sys.stdout, WIDTH) if options.output == SCREEN else WIDTH,
    )
    with options.open_output() as output:
        output.write(text)


def calibrate(
    folder: Path,
    *,
    level: float,
    by: str,
    cache: Path = Path("cache"),
    width: int = WIDTH,
) -> str:
    """Fit the calibration of a run, write its files, and return a text on its scores.

    Args:
        folder: of a finished run
        level: share of ratings that intervals shall contain, in (0, 1)
        by: exchangeable unit, of affuse.fuse.calibration.calibration_fitting.BY
        cache: folder of all caches, for the next command in the last line
        width: of the page in columns

    Raises:
        FileNotFoundError: if it is not a run, or has no validation predictions
        AffuseError: if it is damaged, too small for the level, or a rating is constant
            in a part of a fold
    """
    run = read_run(folder)
    finished_models(folder)  # raises an error if models were replaced
    warn_of_unlisted_models(folder)
    fitted, scored = read_validation_parts(run), select_test_parts(run)
    for name, parts in (("validation", fitted), ("test", scored)):
        for part in parts:
            where = f"{run.info.name}, fold '{part.fold}'"
            demand_defined(part.truth, run.info.targets, part=name, where=where)
    calibrations = fit(
        fitted,
        targets=run.info.targets,
        seeds=sorted(set(run.predictions.seed.tolist())),
        level=level,
        by=by,
        clip=run.info.settings.get("out_of_range") != "keep",
    )
    calibrated = apply(scored, calibrations)
    measured = measure(calibrated, calibrations)
    curves = {target: rejection.curve(folds) for target, folds in calibrated.items()}
    with digests.rewrite_files(folder, CALIBRATED):
        calibration_file.write(folder, calibrations, measured)
        rejection.write(folder, curves)
        if any(curves.values()):
            publish(RunFolder(folder).rejection_chart, _chart(run, curves).encode())
        else:  # an existing chart is of earlier models
            (RunFolder(folder).rejection_chart).unlink(missing_ok=True)
    lines = [*_lines(run, calibrations, measured, curves, width), _next(run, cache)]
    return "\n".join(map(printable, lines)) + "\n"


def _next(run: Run, cache: Path) -> str:
    """Return the line with the next command, which predicts a corpus of the cache.

    The command names a corpus whose embeddings the run takes. It names the corpus of
    the run only if there is no other.
    """
    corpora = sorted({path.parent.name for path in store.folders(cache)})
    fitting = [name for name in corpora if _fits(run, cache, name)]
    ordered = sorted(fitting, key=lambda name: name == run.info.corpus)
    named = ordered[0] if ordered and len(corpora) > 1 else ""
    file = run.info.design_file
    command = Predict(
        run=run.path,
        design_files=(Path(file.path),) if file else (),
        corpus=named,
        cache=cache,
        calibrated=True,
    )
    if ordered:
        return next_line(command)
    return (
        f"{cache} holds no embeddings that this run takes; extract some, then type "
        f"{command}"
    )


def _fits(run: Run, cache: Path, corpus: str) -> bool:
    """Return True if the run can predict from the caches of a corpus."""
    try:
        recipes = [entry.recipe for entry in store.find(cache, corpus)]
    except AffuseError:  # the command that reads the cache reports the damage
        return False
    return can_predict(run.path, recipes)


def _chart(run: Run, curves: Mapping[str, Sequence[RejectionPoint]]) -> str:
    """Return the chart of CCC and RMSE against the share of kept utterances."""
    kind = kind_of_ratings(run.info.nature, run.info.members)
    return draw(
        f"{run.info.design} on {run.info.corpus} ({kind}): uncertain utterances left "
        f"out",
        {
            name.upper(): {
                target: [(p.kept, getattr(p, name)) for p in points]
                for target, points in curves.items()
            }
            for name in ("ccc", "rmse")
        },
    )


def _lines(
    run: Run,
    calibrations: Calibrations,
    measured: Mapping[str, CalibrationScores],
    curves: Mapping[str, Sequence[RejectionPoint]],
    width: int,
) -> Iterator[str]:
    """Yield the lines of the text on a calibration."""
    kind = kind_of_ratings(run.info.nature, run.info.members)
    yield f"{run.info.name} ({kind}), calibrated on validation parts"
    yield ""
    yield from _fitted([*_table(calibrations, measured)], width)
    yield ""
    if any(curves.values()):
        yield from textwrap.wrap(
            "after the map, without the utterances on which the predictions of the "
            "seeds differ most",
            width,
        )
        yield from align_columns([*_rejected(curves)])
        yield ""
    for note in notes(run, calibrations, measured, curves):
        yield from textwrap.wrap(printable(note), width, subsequent_indent="  ")
    names = CALIBRATED if any(curves.values()) else CALIBRATED[:-1]
    yield f"written to {run.path}: {', '.join(names)}"


def _fitted(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Yield the lines of the table of scores; a narrow page has two tables."""
    lines = [*align_columns(rows)]
    if max(map(len, lines)) <= width:
        yield from lines
        return
    yield from align_columns([row[: 1 + ERRORS] for row in rows])
    yield ""
    yield from align_columns([(row[0], *row[1 + ERRORS :]) for row in rows])


def _table(
    calibrations: Calibrations, measured: Mapping[str, CalibrationScores]
) -> Iterator[tuple[str, ...]]:
    """Yield rows with the CCC before and after the map, and coverage of intervals."""
    heads = ("CCC: one model", "seeds' mean", "mapped", "RMSE", "mapped")
    yield (
        "",
        *heads,
        f"{calibrations.level:.0%} interval holds",
        "by speaker",
        "width",
    )
    for target, m in measured.items():
        shares = sorted(m.by_speaker.values())
        ends = [figure(share, digits=2) for share in (*shares[:1], *shares[-1:])]
        figures = (m.single, m.together, m.mapped, m.rmse, m.rmse_mapped, m.coverage)
        cells = (figure(value) for value in figures)
        yield (target, *cells, " to ".join(ends) or "-", figure(m.width, digits=2))


def _rejected(
    curves: Mapping[str, Sequence[RejectionPoint]],
) -> Iterator[tuple[str, ...]]:
    """Yield rows with CCC and RMSE by share of kept utterances; "-" for too few."""
    yield ("kept", *(f"{share:.0%}" for share in SHOWN))
    for target, points in curves.items():
        at = {p.kept: p for p in points}
        for name in ("ccc", "rmse"):
            cells = (figure(getattr(at[s], name)) if s in at else "-" for s in SHOWN)
            yield (f"{target} {name.upper()}", *cells)
