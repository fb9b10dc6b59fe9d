"""Training on memory-mapped embeddings gives the same models in bounded memory."""

import dataclasses

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from learnable_corpus import corpus, embeddings
from planted_leaks import write_cache
from small_caches import FRAMES, fill, flip, recipe
from trained_runs import QUICK, file_contents, train_run

from affuse import cli
from affuse.data.cache import parts, store, streaming
from affuse.data.system import scratch_arrays
from affuse.fuse.commands import design_training
from affuse.fuse.inputs import chunks
from affuse.fuse.inputs.tensors import align, gather
from affuse.fuse.models import principal_axes
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_registry import design_names

HEAD = recipe(head=("arousal",))


@pytest.fixture
def small_chunks(monkeypatch):
    """Pieces of a few rows, none of which is held because it is small."""
    monkeypatch.setattr(chunks, "MOST_ROWS", 64)
    monkeypatch.setattr(chunks, "MEMORY_COPY_BYTES", 0)


def opened(folder, gib=0):
    cache = store.read_headers(folder)
    return streaming.open_all({"text": (cache, cache.recipe)}, gib=gib)


def mapped(folder):
    return {
        modality: dataclasses.replace(found, scratch=folder)
        for modality, found in embeddings().items()
    }


@pytest.mark.parametrize("gib", [0, 1])
@pytest.mark.parametrize("of", [recipe(), FRAMES, HEAD])
def test_mapped_features_equal_loaded_features(
    tmp_path, of, gib, small_chunks, monkeypatch
):
    monkeypatch.delenv("TMPDIR", raising=False)
    folder = fill(tmp_path, of=of, rows=(3, 0, 2, 4))
    loaded, found = store.load(store.read_headers(folder)), opened(folder, gib)["text"]
    assert (found.ids, found.contents) == (loaded.ids, loaded.contents)
    ids = ["3-2", "0-1", "2-0", "0-0", "3-2"]
    expected = gather({"text": loaded}, ids)
    got = gather({"text": found}, ids)
    assert list(got) == list(expected)
    for name, values in expected.items():
        np.testing.assert_array_equal(got[name], values)
    assert scratch_arrays.is_mapped(got["text"]) == (gib == 0)
    with pytest.raises(KeyError):
        gather({"text": found}, ["9-9"])


def test_only_needed_parts_are_read(tmp_path):
    folder = fill(tmp_path, rows=(2, 2))
    found = opened(folder)
    flip(parts.part_path(folder, 1), place=0.9)
    assert len(gather(found, ["0-1"])["text"]) == 1
    with pytest.raises(ValueError, match="part-00001.h5 is damaged"):
        gather(found, ["0-1", "1-0"])


def test_a_part_that_changed_meanwhile_is_refused(tmp_path):
    folder = fill(tmp_path, rows=(2,))
    found = opened(folder)
    fill(tmp_path, rows=(1,))
    with pytest.raises(ValueError, match="was changed while it was read"):
        gather(found, ["0-1"])


def test_a_part_of_another_recipe_or_id_is_named(tmp_path):
    folder = fill(tmp_path, rows=(2, 1))
    other = fill(tmp_path / "other", of=recipe(layers=(3, 4)))
    for path in other.iterdir():
        path.rename(folder / path.name.replace("part-00001", "part-00002"))
    with pytest.raises(ValueError, match=r"was extracted with layers=\[.*as required"):
        opened(folder)


@pytest.mark.parametrize(
    ("fusion", "changes"),
    [
        *((fusion, {}) for fusion in design_names() if fusion != "svr"),
        ("early", {"reduce": "none", "modality_dropout": 0.3}),
        ("late", {"reduce": "pca", "latent": 4}),
        ("gated", {"training": "pretrain", "pretrain_epochs": 2}),
    ],
)
def test_every_design_is_the_same_on_mapped_embeddings(
    tmp_path, small_chunks, fusion, changes
):
    options = {"epochs": 2, **changes}
    one = train_run(tmp_path / "memory", fusion, **options)
    (tmp_path / "scratch").mkdir()
    two = train_run(
        tmp_path / "mapped", fusion, caches=mapped(tmp_path / "scratch"), **options
    )
    assert file_contents(one) == file_contents(two)
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fusion", ["early", "lateccc", "ridge"])
def test_a_gpu_is_trained_on_mapped_embeddings(tmp_path, small_chunks, fusion):
    options = {"fusion": fusion, "settings": QUICK, "seeds": [0], "progress": False}
    one, two = (
        design_training.run(
            corpus(), found, runs=tmp_path / name, device="cuda", **options
        )
        for name, found in (("memory", embeddings()), ("mapped", mapped(tmp_path)))
    )
    assert file_contents(one) == file_contents(two)


def test_only_baselines_that_need_all_rows_are_refused(tmp_path, small_chunks):
    write_cache(tmp_path / "cache")
    where = ("--cache", tmp_path / "cache", "--runs", tmp_path / "runs", "--memory", 0)
    words = ("train", "--fusion", "svr", "--fusion", "ridge", "--fusion", "text")
    quick = ("--seeds", 1, "--set", "epochs=1", "--threads", 1)
    done = CliRunner().invoke(cli.main, [str(w) for w in (*words, *quick, *where)])
    assert done.exit_code == 1
    assert "svr holds 1,024 numbers of each training row in memory" in done.stderr
    for name in ("ridge", "text"):
        assert len(list((tmp_path / "runs").glob(f"*-{name}-*/predictions.csv"))) == 1


def test_mapped_embeddings_are_not_copied(tmp_path, small_chunks):
    aligned = align(corpus(), mapped(tmp_path))
    whole = aligned.all_rows(features=("audio", "text"))
    assert whole.mapped
    assert whole.features["text"].data_ptr() == aligned.features["text"].ctypes.data
    part = aligned.rows(aligned.ids[5:100], features=("text",))
    assert part.mapped
    assert torch.equal(part.features["text"], whole.features["text"][5:100])


@pytest.mark.parametrize("wide", [64, 4])  # exact, and by random directions
def test_axes_of_many_rows_are_those_of_few(monkeypatch, small_chunks, wide):
    rng = np.random.default_rng(0)
    scales = 0.5 ** np.arange(24)  # clear of each other
    mixed = (
        rng.normal(size=(500, 24)) * scales @ np.linalg.qr(rng.normal(size=(24, 24)))[0]
    )
    x = torch.from_numpy(mixed.astype(np.float32))
    rows = torch.from_numpy(rng.permutation(500)[:400])
    few = Projection.fitted(x[rows], components=5)
    monkeypatch.setattr(principal_axes, "FEW_ROWS_BYTES", 0)
    monkeypatch.setattr(principal_axes, "WIDE", wide)
    many = Projection.fitted(x, rows=rows, components=5)
    for name, values in few.state_dict().items():
        torch.testing.assert_close(
            many.state_dict()[name], values, rtol=1e-4, atol=1e-5
        )
