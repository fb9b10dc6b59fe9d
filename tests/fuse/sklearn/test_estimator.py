import dataclasses
import importlib
import inspect
import pickle
import re
import sys
import types

import numpy as np
import pytest
import sklearn
import torch
from estimator_models import QUICK, model
from estimator_models import example_data as example_data
from learnable_corpus import corpus, embeddings, joined_embeddings
from locations import ROOT
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from affuse.data.cache import corpus_table, parts
from affuse.data.cache.parts import Part
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands import design_training
from affuse.fuse.inputs.column_ranges import resolve_columns
from affuse.fuse.inputs.tensors import Rows, align
from affuse.fuse.models import designs
from affuse.fuse.models.designs import early, late
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable
from affuse.fuse.models.trainable.network_design import NetworkDesign
from affuse.fuse.scoring import metrics
from affuse.fuse.settings import Settings
from affuse.fuse.sklearn.conventions import LEAST_ROWS, LEFT_OUT, divide
from affuse.fuse.sklearn.estimator import FusionRegressor, ccc_scorer, mean_ccc
from affuse.fuse.training import fitting

README = ROOT / "fuse" / "README.md"


@parametrize_with_checks([FusionRegressor(**{**QUICK, "reduce": "none"})])
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def test_every_setting_is_a_parameter_with_its_default():
    found = FusionRegressor().get_params()
    own = {"fusion", "columns", "validation_fraction", "random_state", "device"}
    expected = dataclasses.asdict(Settings())
    assert {n: v for n, v in found.items() if n not in own} == {
        n: v for n, v in expected.items() if n not in LEFT_OUT
    }
    assert set(LEFT_OUT) < set(expected)
    assert found.keys() == inspect.signature(FusionRegressor).parameters.keys()


def test_unknown_parameters_are_refused_by_name():
    with pytest.raises(TypeError, match=r"FeatureChoice\(layers=..., pooling=...\)"):
        FusionRegressor("audio", layers="last", pooling="mean")
    with pytest.raises(TypeError, match="unknown parameter protocol; settings are"):
        FusionRegressor(protocol="loso")
    with pytest.raises(ValueError, match="Invalid parameter 'speed'"):
        FusionRegressor().set_params(speed=1)


def test_the_estimator_trains_the_model_of_fit(example_data):
    x, y, _ = example_data
    found = model(random_state=3).fit(x, y)
    rest, held = divide(y, None, share=0.2, seed=3)
    assert found.validation_.tolist() == held.tolist()
    np.testing.assert_allclose(found.mean_, y[rest].mean(0), rtol=1e-6)
    standard = (y - y[rest].astype(float).mean(0)) / y[rest].astype(float).std(0)
    rows = [
        Rows(
            {"audio": torch.tensor(x[r, :12]), "text": torch.tensor(x[r, 12:])},
            torch.tensor(standard[r], dtype=torch.float32),
        )
        for r in (rest, held)
    ]
    options = {"fusion": "early", "settings": Settings(**QUICK), "seed": 3}
    expected = fitting.fit(*rows, **options)
    assert len(found.history_) == len(expected.history)
    # the columns are standardised twice, so they are rounded otherwise
    np.testing.assert_allclose(
        found.predict(x), predicted(expected.module, x, found), rtol=0, atol=1e-5
    )
    seen = ((x - found.feature_mean_) / found.feature_scale_).astype(np.float32)
    rows = [
        dataclasses.replace(
            part,
            features={
                "audio": torch.tensor(seen[r, :12]),
                "text": torch.tensor(seen[r, 12:]),
            },
        )
        for part, r in zip(rows, (rest, held), strict=True)
    ]
    exact = fitting.fit(*rows, **options)
    assert found.history_ == exact.history
    for name, values in exact.module.state_dict().items():
        assert torch.equal(found.module_.state_dict()[name], values.double())


@pytest.mark.parametrize(
    "fusion",
    [n for n in design_names() if isinstance(find_trainable(n), NetworkDesign)],
)
def test_every_network_is_trained_on_joined_encoders(fusion):
    aligned = align(corpus(count=120), joined_embeddings(count=120))
    x = np.hstack([aligned.features[m] for m in ("audio", "text")])
    sizes = [b.layers * b.dim for m in ("audio", "text") for b in aligned.layers[m]]
    first, second, third, fourth = np.split(
        np.arange(x.shape[1]), np.cumsum(sizes)[:-1]
    )
    columns = {"audio": [*first, *second], "text": [*third, *fourth]}
    found = model(fusion, columns=columns, epochs=3).fit(x, aligned.truth)
    expected = found.predict(x)
    assert expected.shape == aligned.truth.shape
    for encoder in (first, second, third, fourth):
        other = x.copy()
        other[:, encoder] = np.roll(other[:, encoder], 1, axis=0)
        taken = any({*encoder} <= {*at} for _, at in found._ranges)
        assert np.allclose(found.predict(other), expected, atol=1e-4) is not taken


def predicted(module, x, found):
    """What a module says of embeddings as they are, in the unit of the ratings."""
    seen = torch.tensor(x).double()
    with torch.inference_mode():
        said = module.double()({"audio": seen[:, :12], "text": seen[:, 12:]})
    return said.numpy() * found.scale_ + found.mean_


def test_ratings_may_have_any_unit(example_data):
    x, y, _ = example_data
    plain, scaled = model().fit(x, y), model().fit(x, 50 + 7 * y.astype(float))
    # standardised ratings are equal but for float32's last bits, trained on
    np.testing.assert_allclose(
        scaled.predict(x), 50 + 7 * plain.predict(x), rtol=0, atol=0.05
    )
    assert scaled.score(x, 50 + 7 * y) > 0.8


@pytest.mark.parametrize(
    "offset", [1e8, 1e8 * np.arange(-9, 10)], ids=["one", "of each column"]
)
def test_an_offset_of_columns_does_not_change_predictions(example_data, offset):
    x, y, _ = example_data
    shifted = x.astype(np.float64) + offset  # NumPy 1 would add a number in float32
    plain, moved = model().fit(x, y), model().fit(shifted, y)
    assert plain.score(x, y) > 0.8
    found = moved.predict(shifted)
    # 1e8 is left with steps of 1.5e-8, and no model is the same after any rounding
    np.testing.assert_allclose(found, plain.predict(x), rtol=0, atol=1e-3)


def test_the_unit_of_a_column_does_not_matter(example_data):
    x, y, _ = example_data
    units = np.ldexp(1.0, np.linspace(-900, 900, 19).astype(int))
    plain, scaled = model().fit(x, y), model().fit(x * units, y)
    np.testing.assert_array_equal(scaled.predict(x * units), plain.predict(x))
    np.testing.assert_array_equal(scaled.feature_mean_, plain.feature_mean_ * units)
    np.testing.assert_array_equal(scaled.feature_scale_, plain.feature_scale_ * units)


def test_statistics_of_columns_are_those_of_the_training_rows(example_data):
    x, y, _ = example_data
    found = model("text").fit(x, y)
    rest = np.setdiff1d(np.arange(300), found.validation_)
    exact = x[rest].astype(float)
    assert not found.feature_mean_[:12].any()  # of audio
    assert not found.feature_scale_[:12].any()
    np.testing.assert_allclose(found.feature_mean_[12:], exact.mean(0)[12:])
    np.testing.assert_allclose(found.feature_scale_[12:], exact.std(0)[12:])


def test_a_column_that_is_constant_in_training_is_ignored(example_data):
    x, y, _ = example_data
    held = model().fit(x, y).validation_
    odd = x.astype(float)
    odd[:, 3] = 0.1
    odd[held, 3] = 1e200
    found = model().fit(odd, y)
    assert found.feature_scale_[3] == 0
    later = odd.copy()
    later[:, 3] = -1e300
    np.testing.assert_array_equal(found.predict(later), found.predict(odd))


def test_values_beyond_float32_are_refused(example_data):
    x, y, _ = example_data
    found = model().fit(x, y)
    odd = x.astype(float)
    odd[found.validation_[:2], 3] = 1e300
    row = found.validation_[0]
    sentence = (
        rf"column 3 has a value of 1e\+300 in row {row}, .* in 2 rows of 300: floa"
    )
    for method in (found.predict, lambda x: model().fit(x, y)):
        with pytest.raises(ValueError, match=sentence):
            method(odd)
    with pytest.raises(ValueError, match="equal in every column of audio after round"):
        model().fit((x + 1e8).astype(np.float32), y)


def test_a_constant_modality_causes_a_warning(example_data):
    x, y, _ = example_data
    blank = np.where(np.arange(19) < 12, x, 0)
    with pytest.warns(UserWarning, match="nothing is learnt from text") as warned:
        found = model().fit(blank, y)
    assert warned[0].filename == __file__
    assert found.score(blank, y) > 0.7
    with pytest.raises(
        ValueError, match="each column of X has a single value in the 2"
    ):
        model("text").fit(blank, y)


def test_ratings_that_vary_by_rounding_only_are_refused(example_data):
    x, y, _ = example_data
    odd = y.astype(float)
    odd[:, 1] = np.where(y[:, 1] > 0, 0.3, 0.1 + 0.2)
    with pytest.raises(
        ValueError, match="target 1 is about 0.3 in all rows to train on"
    ):
        model().fit(x, odd)
    plain, far = model().fit(x, y), model().fit(x, y.astype(float) * 2.0**900)
    np.testing.assert_array_equal(far.predict(x), plain.predict(x) * 2.0**900)


class Frame:
    """A DataFrame for scikit-learn, where pandas is not installed."""

    def __init__(self, values, columns):
        self.values, self.columns = values, list(columns)
        self.shape = values.shape

    def __len__(self):
        return len(self.values)

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)

    def __narwhals_dataframe__(self):
        return self

    def _with_version(self, version):
        return self

    @property
    def _version(self):
        return importlib.import_module("narwhals._utils").Version.V2

    @property
    def _implementation(self):
        return importlib.import_module("narwhals").Implementation.UNKNOWN


def framed(x, columns):
    try:
        return importlib.import_module("pandas").DataFrame(x, columns=columns)
    except ImportError:
        pytest.importorskip("narwhals")  # which scikit-learn reads frames with
        return Frame(x, columns)


def test_columns_may_be_names(example_data):
    x, y, _ = example_data
    names = [f"a{k}" for k in range(12)] + [f"t{k}" for k in range(7)]
    shuffled = np.random.default_rng(0).permutation(19)
    frame = framed(x[:, shuffled], [names[k] for k in shuffled])
    columns = {"audio": names[:12], "text": names[12:]}
    found = model(columns=columns).fit(frame, y)
    expected = model().fit(x, y).predict(x)
    np.testing.assert_array_equal(found.predict(frame), expected)
    assert found.feature_names_in_.tolist() == [names[k] for k in shuffled]
    alone = model("text", columns={"text": "t0"}).fit(frame, y)
    other = model("text", columns=None).fit(x[:, 12:13], y)
    np.testing.assert_array_equal(alone.predict(frame), other.predict(x[:, 12:13]))
    with pytest.raises(
        ValueError, match=r"text name 'tt' \(the nearest is 't\d'\), whi"
    ):
        model(columns={**columns, "text": ["t0", "tt"]}).fit(frame, y)
    odd = x[:, shuffled].astype(float)
    odd[5, 2] = 1e300
    named = rf"column 2 \('{names[shuffled[2]]}'\) has a value of 1e\+300 in row 5,"
    with pytest.raises(ValueError, match=named):
        found.predict(framed(odd, [names[k] for k in shuffled]))
    with pytest.raises(ValueError, match="and the columns of X have none; use a D"):
        model(columns=columns).fit(x, y)


def test_predictions_of_one_rating_have_the_shape_of_y(example_data):
    x, y, _ = example_data
    flat, column = model().fit(x, y[:, 0]), model().fit(x, y[:, :1])
    assert flat.predict(x).shape == (300,)
    assert column.predict(x).shape == (300, 1)
    np.testing.assert_array_equal(flat.predict(x), column.predict(x)[:, 0])


def test_no_group_is_in_both_training_and_validation(example_data):
    x, y, speakers = example_data
    held = [model(epochs=1, random_state=s).fit(x, y, groups=speakers) for s in (0, 1)]
    for found in held:
        chosen = np.isin(np.arange(len(x)), found.validation_)
        assert not set(speakers[chosen]) & set(speakers[~chosen])
        assert len(set(speakers[chosen])) == 2  # of ten
    assert held[0].validation_.tolist() != held[1].validation_.tolist()


def test_rows_that_only_validate_change_no_statistic(example_data):
    x, y, _ = example_data
    clean = model(epochs=1).fit(x, y)
    odd, other = x.copy(), y.copy()
    odd[clean.validation_] *= 1e3
    other[clean.validation_] += 9
    with pytest.warns(UserWarning, match="of validation rows are farther outside"):
        poisoned = model(epochs=1).fit(odd, other)
    assert clean.mean_.tolist() == poisoned.mean_.tolist()
    assert clean.scale_.tolist() == poisoned.scale_.tolist()
    states = [m.module_.state_dict() for m in (clean, poisoned)]
    for name, values in states[0].items():
        assert torch.equal(values, states[1][name])  # one epoch: nothing to choose


def test_the_seed_is_stored(example_data):
    x, y, _ = example_data
    drawn = model(random_state=None, epochs=1).fit(x, y)
    again = model(random_state=drawn.seed_, epochs=1).fit(x, y)
    np.testing.assert_array_equal(drawn.predict(x), again.predict(x))
    assert model(random_state=None, epochs=1).fit(x, y).seed_ != drawn.seed_
    shared = model(random_state=np.random.RandomState(5), epochs=1)
    assert shared.fit(x, y).seed_ != shared.fit(x, y).seed_


def test_cross_validation_search_and_pipeline_work(example_data):
    x, y, speakers = example_data
    folds = GroupKFold(3)
    scores = cross_val_score(
        make_pipeline(StandardScaler(), model()),
        *(x, y),
        groups=speakers,
        cv=folds,
        scoring=ccc_scorer,
        params={"fusionregressor__groups": speakers},
        error_score="raise",
    )
    assert scores.shape == (3,)
    assert scores.min() > 0.7
    choices = {"fusion": ["text", "early"], "learning_rate": np.array([1e-6, 0.05])}
    with sklearn.config_context(enable_metadata_routing=True):
        routed = model().set_fit_request(groups=True)
        search = GridSearchCV(routed, choices, scoring=ccc_scorer, cv=GroupKFold(2))
        search.fit(x, y, groups=speakers)
    held = np.isin(np.arange(len(x)), search.best_estimator_.validation_)
    assert not set(speakers[held]) & set(speakers[~held])
    assert search.best_params_["learning_rate"] == 0.05
    assert search.score(x, y) == pytest.approx(mean_ccc(y, search.predict(x)))


@pytest.mark.parametrize(
    "columns",
    [
        {"audio": slice(12), "text": slice(12, None)},
        {"text": range(12, 19), "audio": range(12)},
        {"audio": list(range(12)), "text": np.arange(12, 19)},
        {"audio": np.int64(12), "text": 7},
    ],
)
def test_columns_can_be_given_in_several_ways(example_data, columns):
    found = resolve_columns(columns, ("text", "audio"), 19)
    assert [(m, at.tolist()) for m, at in found] == [
        ("text", list(range(12, 19))),
        ("audio", list(range(12))),
    ]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (None, "takes audio, text, and columns lacks audio, text; add the col"),
        ({"audio": 12}, "lacks text; add .* columns={'audio': SIZE, 'text'"),
        (
            {"audio": 8, "text": 2},
            "sum to 10, and X has 19 columns; give sizes that su",
        ),
        (
            {"audio": 12, "text": 8},
            "sum to 20, and X has 19 columns; give sizes that s",
        ),
        ({"audio": 19, "text": 0}, r"of text are range\(19, 19\), and there are 19 co"),
        (
            {"audio": slice(12), "text": slice(11, 19)},
            "column 11 twice, in audio and i",
        ),
        ({"audio": slice(20), "text": 7}, r"columns of audio are slice\(None, 20"),
        ({"audio": [0, 19], "text": 7}, "numbers from 0 to 18"),
        (
            {"audio": ["a"], "text": 7},
            "columns of audio are names, e.g. 'a', and the c",
        ),
        ({"audio": 0.5, "text": 7}, "columns of audio are 0.5"),
    ],
)
def test_missing_columns_are_refused(example_data, columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        model(columns=columns).fit(*example_data[:2])


def test_columns_of_other_modalities_are_ignored(example_data):
    x, y, _ = example_data
    named, alone = (
        model("text").fit(x, y),
        model("text", columns=None).fit(x[:, 12:], y),
    )
    np.testing.assert_array_equal(named.predict(x), alone.predict(x[:, 12:]))


class Own(early.Fusion):
    """Early fusion, as a class that is in no file of fuse/models/designs."""

    MODALITIES = ("audio", "text")


@pytest.mark.parametrize(
    ("design", "name"), [(Own, "early"), (early.Fusion, "early"), (late.Fusion, "late")]
)
def test_a_class_gives_the_same_model_as_its_name(example_data, design, name):
    x, y, _ = example_data
    found, expected = model(design).fit(x, y), model(name).fit(x, y)
    np.testing.assert_array_equal(found.predict(x), expected.predict(x))
    assert clone(found).fusion is design
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.predict(x), expected.predict(x))


@pytest.mark.parametrize(
    ("fusion", "sentence"),
    [
        ("product", "no design 'product': choose from audio"),
        (torch.nn.Identity, "no MODALITIES of <class .*Identity'> can be found"),
        (7, "fusion=7: give the name"),
    ],
)
def test_objects_that_are_no_design_are_refused(example_data, fusion, sentence):
    with pytest.raises(ValueError, match=sentence):
        model(fusion).fit(*example_data[:2])


def test_a_run_of_an_unnamed_class_is_refused(tmp_path):
    with pytest.raises(
        ValueError,
        match="has no name, .* save the class in a file and train it with --design",
    ):
        design_training.run(
            corpus(),
            embeddings(),
            fusion=early.Fusion,
            settings=Settings(),
            seeds=[0],
            runs=tmp_path,
        )
    assert list(tmp_path.iterdir()) == []


def test_untrainable_data_are_refused(example_data):
    x, y, speakers = example_data
    for changes, sentence in (
        ({"validation_fraction": 1.0}, "validation_fraction=1.0: it must be between"),
        ({"epochs": 0}, r"epochs must be in \[1, 1e\+06\], got 0"),
        ({"loss": "rank"}, "loss must be one of 'ccc'"),
        ({"device": "gpu"}, "choose auto, cpu, cuda or cuda:1"),
    ):
        with pytest.raises(ValueError, match=sentence):
            model(**changes).fit(x, y)
    with pytest.raises(ValueError, match="all 300 rows are of one group"):
        model().fit(x, y, groups=["me"] * 300)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().fit(x, y, groups=speakers[1:])
    with pytest.raises(
        ValueError, match="in 100 draws .* leave out ratings that hardly vary"
    ):
        model().fit(x, np.ones(300))
    with pytest.raises(ValueError, match=f"minimum of {LEAST_ROWS} is required"):
        model().fit(x[:3], y[:3])
    with pytest.raises(ValueError, match="y contains NaN"):
        model().fit(x, np.where(y > 0.9, np.nan, y))


def test_a_part_without_variation_is_drawn_again():
    truth = np.zeros(20)
    truth[[3, 11]] = 1.0
    for seed in range(20):
        for part in divide(truth, None, share=0.2, seed=seed):
            assert np.ptp(truth[part]) == 1


def test_the_score_is_the_mean_ccc():
    rng = np.random.default_rng(0)
    truth, said = rng.normal(size=(2, 30, 3))
    each = [metrics.ccc(truth[:, k], said[:, k]) for k in range(3)]
    assert mean_ccc(truth, said) == pytest.approx(np.mean(each))
    assert mean_ccc(truth[:, 0], said[:, 0]) == each[0]
    with pytest.raises(ValueError, match=r"shape \(30, 3\), prediction \(30,\)"):
        mean_ccc(truth, said[:, 0])


def test_a_missing_gpu_is_refused(example_data, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="there are 0 CUDA devices here"):
        model(device="cuda").fit(*example_data[:2])
    assert (
        model(device="auto", epochs=1)
        .fit(*example_data[:2])
        .predict(example_data[0])
        .shape
    )


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_agrees_with_cpu(example_data):
    x, y, _ = example_data
    found = model(device="cuda").fit(x, y)
    assert next(found.module_.parameters()).device.type == "cuda"
    assert found.score(x, y) == pytest.approx(model().fit(x, y).score(x, y), abs=0.05)


@pytest.fixture
def cached(tmp_path):
    """The learnable corpus as the caches of a corpus named demo."""
    cache = tmp_path / "cache"
    corpus_table.save(dataclasses.replace(corpus(), name="demo"), cache)
    for found in embeddings().values():
        recipe = dataclasses.replace(found.recipe, corpus="demo")
        made = Part(found.ids, found.contents, tuple(found.values), found.head, ())
        path = parts.part_path(cache / "demo" / recipe.folder(), 0)
        parts.write(path, made, recipe=recipe, parts=1, versions={})
    yield tmp_path
    if "my_designs" in designs.__path__:
        designs.__path__.remove("my_designs")
    sys.modules.pop("affuse.fuse.models.designs.product", None)


@pytest.mark.slow
def test_the_example_of_the_readme_runs(cached, monkeypatch, capsys):
    section = README.read_text(encoding="utf-8").partition("## scikit-learn")[2]
    section = section.partition("\n## Where we deviate")[0]
    blocks = re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
    assert len(blocks) == 3
    notebook = types.ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    monkeypatch.chdir(cached)
    (cached / "my_designs").mkdir()
    (cached / "my_designs" / "product.py").write_text(
        blocks[1].partition("\nmodel =")[0]
    )
    assert len(blocks[0].splitlines()) < 10
    for block in blocks:
        exec(block, notebook.__dict__)
    shown = capsys.readouterr().out
    assert float(shown.splitlines()[0]) > 0.7
    assert notebook.model.score(notebook.data.X, notebook.data.y) > 0.7
    assert read_run(notebook.runs["product"]).info.design == "product"
    assert "product" in shown.rpartition("CCC on demo")[2]


def test_a_setting_without_effect_causes_a_warning(example_data):
    regressor = model(late_activation="relu")
    with pytest.warns(UserWarning, match="late_activation=relu changes nothing in"):
        regressor.fit(*example_data[:2])
