"""The public interface of `import affuse`, for notebooks."""

import inspect
import operator
import subprocess
import sys

import numpy as np
import pytest

import affuse
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.training_options import Train

LIMIT = 12  # utterances


@pytest.fixture(scope="module")
def extraction(tmp_path_factory):
    """Extract a part of the demo; give the cache, the result and the printed lines."""
    folder, said = tmp_path_factory.mktemp("api") / "cache", []
    done = affuse.extract_corpus(
        "demo",
        audio_checkpoint="tiny",
        text_checkpoint="tiny",
        cache=folder,
        say=said.append,
        limit=LIMIT,
    )
    return folder, done, said


def test_import_loads_no_large_package_and_lists_all_public_names():
    code = (
        "import affuse, sys; print(sorted({'torch', 'transformers', 'numpy', 'click'}"
        " & set(sys.modules)), set(affuse.__all__) <= set(dir(affuse)))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "[] True\n"
    assert all(callable(getattr(affuse, name)) for name in affuse.__all__)
    with pytest.raises(AttributeError, match="no attribute 'ccd'"):
        operator.attrgetter("ccd")(affuse)


def test_ccc_has_the_definition_of_lin():
    truth = np.array([0.0, 1.0, 2.0])
    assert affuse.ccc(truth, truth) == 1
    # 2 cov / (var + var + shift^2), with moments divided by n (Lin, 1989)
    assert affuse.ccc(truth, truth + 1) == pytest.approx(4 / 3 / (4 / 3 + 1))


def test_extract_corpus_writes_the_caches_and_prints_the_next_command(extraction):
    folder, done, said = extraction
    assert done.left_out == 0
    assert {m: p.parent for m, p in done.folders.items()} == {
        "audio": folder / "demo",
        "text": folder / "demo",
    }
    assert any(line.startswith("next: ") for line in said)


def test_an_unknown_option_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(OptionError, match="no option 'limits'; did you mean 'limit'"):
        affuse.extract_corpus("demo", cache=tmp_path, limits=3)
    assert list(tmp_path.iterdir()) == []


def test_splits_of_a_data_set_are_disjoint_and_test_every_row_once(extraction):
    folder, _, _ = extraction
    data = affuse.load_dataset("demo", cache=folder)
    assert len(data.ids) == len(data.X) == len(data.y) == LIMIT
    assert data.X.shape[1] == sum(data.columns.values())
    assert list(data.columns) == ["audio", "text"]
    assert np.abs(data.y).max() <= 1
    sessions = data.groups["session"]
    for split in data.splits:
        parts = [split.train, split.validation, split.test]
        rows = np.concatenate(parts)
        assert len(rows) == len(set(rows))
        assert len({*sessions[split.test]} & {*sessions[split.train]}) == 0
    tested = np.concatenate([split.test for split in data.splits])
    assert sorted(tested) == list(range(LIMIT))


def test_one_modality_can_be_loaded_alone(extraction):
    folder, _, _ = extraction
    data = affuse.load_dataset("demo", cache=folder, modalities=("text",))
    assert list(data.features) == ["text"]
    with pytest.raises(AffuseError, match="nowhere"):
        affuse.load_dataset("nowhere", cache=folder)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda c: affuse.extract_corpus("demo", limit=0), "limit=0: 0 is not in"),
        (lambda c: affuse.extract_corpus("demo", limit="x"), "limit='x'"),
        (
            lambda c: affuse.extract_corpus("manifest", c, scale="1 7"),
            "scale='1 7': give a tuple of 2 values",
        ),
        (
            lambda c: affuse.train_designs("early", cache=c, seeds=[0, 1]),
            "seeds=.0, 1.: give one value, not several",
        ),
        (lambda c: affuse.load_dataset("demo", cache=c, modalities=()), "choose from"),
        (
            lambda c: affuse.load_dataset("demo", modalities="video"),
            "'video' is not a mod",
        ),
        (lambda c: affuse.train_designs([], cache=c), "no design to train"),
        (lambda c: affuse.train_designs("early", designs="late"), "given twice"),
        (lambda c: affuse.train_designs("early", sedes=2), "did you mean 'seeds'"),
        (lambda c: affuse.ccc_table(c, nosuch=1), "no option 'nosuch'"),
        (lambda c: affuse.ccc_table(c, form="json"), "use render"),
        (lambda c: affuse.ccc_table(c, format="json"), "'format' does not apply here"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(
    call, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(affuse.AffuseError, match=said):
        call(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_repeatable_option_accepts_a_single_text(extraction):
    folder, _, _ = extraction
    assert list(affuse.load_dataset("demo", cache=folder, modalities="text").columns)
    found = Train.from_values(designs="early", changes="latent=64")
    assert (found.designs, found.changes) == (("early",), ("latent=64",))


def test_an_array_without_axes_is_one_value():
    assert Train.from_values(designs="early", seeds=np.array(2)).seeds == 2
    with pytest.raises(affuse.AffuseError, match="give a tuple of 2 values"):
        affuse.extract_corpus("manifest", ".", scale=np.array(5))


def test_the_defaults_of_functions_are_those_of_the_commands():
    parameters = inspect.signature(affuse.train_designs).parameters
    for name in ("corpus", "seeds", "cache", "runs"):
        assert Train.from_values(**{name: parameters[name].default}) == Train()
    assert Train.from_values(seeds=None).seeds == 3
