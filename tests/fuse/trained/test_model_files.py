import pytest
import torch
from learnable_corpus import corpus, embeddings, recipe

from affuse.data.runs.run_folder import ModelFolder
from affuse.data.system.csv_tables import read_rows
from affuse.fuse.inputs.tensors import HEAD, align
from affuse.fuse.models import baselines
from affuse.fuse.models.baselines import FITTED, apply_zeroshot
from affuse.fuse.settings import Settings
from affuse.fuse.trained import model_files
from affuse.fuse.training.fitting import fit

HEAD_NAMES = ("arousal", "dominance", "valence")


def unit(fusion, **changes):
    """A model after two epochs, its description, and rows to try it on."""
    aligned = align(corpus(), embeddings())
    features = (HEAD,) if fusion == "zeroshot" else ("audio", "text")
    train, validation = (
        aligned.rows(ids, features=features)
        for ids in (aligned.ids[:200], aligned.ids[200:])
    )
    settings = Settings(latent=4, autoencoder_hidden=8, hidden=8, epochs=2, **changes)
    if fusion == "zeroshot":
        fitted = apply_zeroshot(
            train, validation, head=HEAD_NAMES, targets=aligned.targets
        )
    elif fusion in FITTED:
        fitted = baselines.fit(fusion, train, validation)
    else:
        fitted = fit(train, validation, fusion=fusion, settings=settings, seed=3)
    taken = {"audio": ("audio",), "text": ("text",), "zeroshot": ("audio",)}
    description = model_files.Description(
        fusion=fusion,
        fold="session5",
        seed=3,
        targets=aligned.targets,
        head=HEAD_NAMES,
        recipes={m: recipe(m) for m in taken.get(fusion, ("audio", "text"))},
        settings=settings,
        parameters=5,
    )
    return fitted, description, validation


@pytest.mark.parametrize(
    ("fusion", "changes"),
    [
        ("audio", {}),
        ("text", {"reduce": "none"}),
        ("early", {"reduce": "pca"}),
        ("late", {"training": "pretrain", "pretrain_epochs": 2}),
        ("zeroshot", {}),
        *((reference, {}) for reference in FITTED),
    ],
)
def test_a_saved_model_predicts_the_same(tmp_path, fusion, changes):
    fitted, description, rows = unit(fusion, **changes)
    model_files.save(tmp_path, fitted, description)
    module, found = model_files.load(tmp_path)
    assert found == description
    with torch.no_grad():
        assert torch.equal(module(rows.features), fitted.module(rows.features))


def test_equal_models_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        model_files.save(tmp_path / name, *unit("late")[:2])
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["history.csv", "model.json", "model.safetensors"]
    for name in files:
        pair = [(tmp_path / folder / name).read_bytes() for folder in "ab"]
        assert pair[0] == pair[1]


def test_history_has_a_line_for_each_epoch(tmp_path):
    fitted, description, _ = unit("text")
    model_files.save(tmp_path, fitted, description)
    rows = [
        r
        for _, r in read_rows(
            tmp_path / ModelFolder.history, model_files.HISTORY_COLUMNS
        )
    ]
    assert [row[:3] for row in rows] == [["session5", "3", "1"], ["session5", "3", "2"]]
    for row, epoch in zip(rows, fitted.history, strict=True):
        assert float(row[3]) == pytest.approx(epoch.loss, rel=1e-5)
        scores = [float(cell) for cell in row[5:8]]
        assert scores == pytest.approx(epoch.scores, abs=1e-6)  # six decimals
        assert float(row[8]) == pytest.approx(sum(scores) / 3, abs=1e-6)


def test_pretraining_has_a_separate_table(tmp_path):
    fitted, description, _ = unit("text", training="pretrain", pretrain_epochs=3)
    model_files.save(tmp_path, fitted, description)
    path = tmp_path / ModelFolder.pretraining
    rows = [row for _, row in read_rows(path, model_files.PRETRAINING_COLUMNS)]
    assert [row[:2] for row in rows] == [["text", "1"], ["text", "2"], ["text", "3"]]
    assert all(0 < float(row[3]) < 2 for row in rows)


@pytest.mark.parametrize("name", [ModelFolder.description, ModelFolder.weights])
def test_a_damaged_model_is_refused_by_name(tmp_path, name):
    model_files.save(tmp_path, *unit("text")[:2])
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(
        ValueError, match="holds no model of this version: .*train agai"
    ):
        model_files.load(tmp_path)


def test_weights_of_another_design_are_refused(tmp_path):
    model_files.save(tmp_path / "a", *unit("audio")[:2])
    model_files.save(tmp_path / "b", *unit("text")[:2])
    weights = (tmp_path / "a" / ModelFolder.weights).read_bytes()
    (tmp_path / "b" / ModelFolder.weights).write_bytes(weights)
    with pytest.raises(ValueError, match="b holds no model of this version"):
        model_files.load(tmp_path / "b")
