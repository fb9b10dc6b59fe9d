"""Sentence on choices that no run of a table has tried."""

from report_runs import info_of, save

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.reporting.untried_choices import sentence

WIDE = {"audio": {"encoder": "wav2vec2", "checkpoint": "mini", "layers": [0, 1]}}
BOTH = {"audio": {"encoders": [*WIDE.values(), {"encoder": "acoustic", "layers": [0]}]}}


def run(tmp_path, name, encoders, **settings):
    info = info_of("audio", encoders=encoders, settings=settings, name=name)
    save(tmp_path, info)
    return read_run(tmp_path / name)


def test_choices_that_no_run_has_made_are_named_with_their_options(tmp_path):
    plain = run(tmp_path, "iemocap-audio-session5-1", WIDE, layers="last")
    assert sentence([plain]) == (
        "Not tried in this table: other layers: --set layers=all; a mix of layers: "
        "--set layers=weighted; averaged weights: --set ema=0.99; acoustic features: "
        "extract --modality audio --encoder acoustic"
    )


def test_a_choice_that_one_run_has_made_is_not_named(tmp_path):
    plain = run(tmp_path, "iemocap-audio-session5-1", WIDE, layers="last")
    mixed = run(tmp_path, "iemocap-audio-session5-2", BOTH, layers="weighted", ema=0.9)
    assert sentence([plain, mixed]) == ""
