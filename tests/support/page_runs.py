"""Runs with histories, calibrations and layer weights, for tests of the page."""

from report_runs import info_of, save

from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.calibration import rejection
from affuse.fuse.calibration.rejection import RejectionPoint
from affuse.fuse.trained.model_files import HISTORY_COLUMNS


def save_designs(runs, names=("text", "audio", "early"), **changes):
    """Write a run of each design, of which the network `early` has learning curves."""
    for number, name in enumerate(names):
        save(runs, info_of(name, **changes), gain=0.4 + number / 10)
    history(runs / info_of("early").name)


def history(run, epochs=4):
    """Write learning curves of two seeds; the third epoch is the best."""
    lines = [",".join(HISTORY_COLUMNS)]
    for seed in (0, 1):
        for epoch in range(1, epochs + 1):
            score = 0.5 - abs(epoch - 3) / 10
            cells = ("5", seed, epoch, 1, 0, score, score, score, score)
            lines.append(",".join(map(str, cells)))
    RunFolder(run).history.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rejection_curve(run):
    """Write a rejection curve of valence."""
    points = [RejectionPoint(k, round(40 * k), k / 2, 0.3) for k in (1.0, 0.5)]
    rejection.write(run, {"valence": points})
    return points
