"""Sentence on choices that no run of a table has tried."""

import pytest
from report_runs import info_of, save

from affuse.data.runs.run_predictions import read_run
from affuse.fuse.reporting.untried_choices import sentence

LAYERS = "other layers: --set layers=all"
WIDE = {"audio": {"encoder": "wav2vec2", "checkpoint": "mini", "layers": [0, 1]}}
LAST = {"audio": {"encoder": "wav2vec2", "checkpoint": "mini", "layers": [4]}}
ACOUSTIC = {"encoder": "acoustic", "checkpoint": "acoustic", "layers": [0]}


def joined(record):
    """Return the record of an encoder to which the acoustic features were joined."""
    return {"audio": {"encoders": [*record.values(), ACOUSTIC]}}


def run(tmp_path, name, encoders, **settings):
    info = info_of("audio", encoders=encoders, settings=settings, name=name)
    save(tmp_path, info)
    return read_run(tmp_path / name)


def test_choices_that_no_run_has_made_are_named_with_their_options(tmp_path):
    plain = run(tmp_path, "iemocap-audio-session5-1", LAST, layers="last")
    assert sentence([plain]) == (
        "Not tried in this table: other layers: --set layers=all; averaged weights: "
        "--set ema=0.99; acoustic features: extract --modality audio --encoder acoustic"
    )
    wide = run(
        tmp_path, "iemocap-audio-session5-2", joined(WIDE), layers="all", ema=0.9
    )
    assert sentence([wide]) == (
        "Not tried in this table: a mix of layers: --set layers=weighted"
    )


def test_a_choice_that_one_run_has_made_is_not_named(tmp_path):
    plain = run(tmp_path, "iemocap-audio-session5-1", LAST, layers="last")
    mixed = run(
        tmp_path, "iemocap-audio-session5-2", joined(WIDE), layers="weighted", ema=0.9
    )
    assert sentence([plain, mixed]) == ""


@pytest.mark.parametrize(
    ("layers", "encoders", "is_narrow"),
    [
        ("last", joined(LAST), True),
        ("audio=last,text=all", joined(LAST), True),
        ("audio:mini=last", joined(LAST), True),
        ("4", joined(LAST), True),
        ("all", joined(LAST), False),  # the cache holds one layer
        ("audio:mini=0,1", joined(WIDE), True),
        ("audio:other=0,1", joined(WIDE), False),
        ("last", {"audio": ACOUSTIC}, False),  # features without layers
        ("4,6", {"audio": ACOUSTIC}, False),
        ("no layers", joined(LAST), False),  # a damaged record
        ("audio:mini=4,audio:x/mini=0", joined(LAST), False),
    ],
)
def test_other_layers_are_named_where_an_encoder_has_more(
    tmp_path, layers, encoders, is_narrow
):
    only = run(tmp_path, "iemocap-audio-session5-1", encoders, layers=layers)
    assert (LAYERS in sentence([only])) == is_narrow
    every = run(tmp_path, "iemocap-audio-session5-2", joined(WIDE), layers="all")
    assert LAYERS not in sentence([only, every])
