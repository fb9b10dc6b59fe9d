import numpy as np
import pytest
from small_caches import remove_from_manifests
from trained_runs import file_contents, train_run

from affuse.data.runs.run_folder import ModelFolder
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands import report_command
from affuse.fuse.models.scalar_mix import layer_weights
from affuse.fuse.trained import layer_weight_files, model_files


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    return train_run(runs, "early", layers="weighted", seeds=[0, 1], learning_rate=0.01)


def test_each_model_has_a_file_of_layer_weights(run):
    files = sorted(run.glob(f"*/seed-*/{ModelFolder.layers}"))
    assert [file.parent.name for file in files] == ["seed-0", "seed-1"]
    each = [layer_weights(model_files.load(file.parent)[0]) for file in files]
    found = layer_weight_files.average_weights(run)
    targets = read_run(run).info.targets
    assert list(found) == [(t, m) for m in ("audio", "text") for t in targets]
    for (target, modality), weights in found.items():
        k = targets.index(target)
        expected = np.mean([w[modality][k].numpy() for w in each], axis=0)
        # written with six decimals
        assert list(weights.values()) == pytest.approx(expected.tolist(), abs=1e-6)
        assert sum(weights.values()) == pytest.approx(1, abs=1e-5)
    assert list(found["valence", "audio"]) == [0, 1]  # numbers of the recipe


def test_a_report_shows_layer_weights(run):
    text = report_command.render(report_command.collect(run.parent), "text")
    found = layer_weight_files.describe(run)
    assert f"Layers of early, mean weights: {found}" in " ".join(text.split())
    first, _, _ = found.partition("; ")
    assert first.startswith("valence audio ")
    assert first.endswith(" of 2")
    assert "text" not in found  # one layer: nothing to weigh


def test_concatenated_layers_have_no_weight_file(tmp_path):
    folder = train_run(tmp_path, "audio", epochs=1)
    assert not [
        file for file in file_contents(folder) if file.name == ModelFolder.layers
    ]
    assert layer_weight_files.describe(folder) == ""


def test_decision_designs_have_layer_weights(tmp_path):
    folder = train_run(tmp_path, "latemean", epochs=1, layers="weighted")
    assert {m for _, m in layer_weight_files.average_weights(folder)} == {
        "audio",
        "text",
    }


def test_a_damaged_table_is_named(tmp_path):
    folder = train_run(tmp_path, "audio", epochs=1, layers="weighted")
    path = next(folder.glob(f"*/seed-*/{ModelFolder.layers}"))
    path.write_text(path.read_text().replace("0.5", "half", 1))
    remove_from_manifests(path)
    with pytest.raises(ValueError, match="layers.csv, line .*: could not convert"):
        layer_weight_files.average_weights(folder)
