"""Extraction commands that are advised for a run, and their placeholders."""

import pytest
from small_caches import fill, recipe

from affuse.data.errors import AffuseError
from affuse.data.options.prediction_options import Predict
from affuse.fuse.inputs.extraction_commands import demand_matching_caches

PLACEHOLDER = "is the folder of that checkpoint"
ACOUSTIC = {"modality": "audio", "encoder": "acoustic", "checkpoint": "acoustic"}
OPENSMILE = {"modality": "audio", "encoder": "opensmile", "checkpoint": "eGeMAPSv02"}


def advice(cache, wanted):
    """Return the error for a cache with other weights than the run's recipe."""
    fill(cache, of=recipe(**{**vars(wanted), "weights": "0"}))
    options = Predict(run=cache / "run", cache=cache, corpus="toy")
    with pytest.raises(AffuseError) as error:
        demand_matching_caches({"fold": {wanted.modality: wanted}}, options)
    return str(error.value)


@pytest.mark.parametrize("names", [ACOUSTIC, OPENSMILE])
def test_features_without_weights_have_no_folder(tmp_path, names):
    said = advice(tmp_path, recipe(**names, inputs={"features": 81}))
    assert f"--audio-checkpoint {names['checkpoint']}" in said
    assert PLACEHOLDER not in said


def test_a_local_checkpoint_has_a_folder(tmp_path):
    said = advice(tmp_path, recipe(checkpoint="mine"))
    assert f"mine {PLACEHOLDER}" in said
    assert "--text-checkpoint mine" in said


@pytest.mark.parametrize(
    "changes", [{"checkpoint": "mini"}, {"checkpoint": "org/name", "revision": "abc"}]
)
def test_bundled_checkpoints_and_those_of_the_hub_need_no_folder(tmp_path, changes):
    assert PLACEHOLDER not in advice(tmp_path, recipe(**changes))
