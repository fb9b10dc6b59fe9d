import dataclasses
import re

import pytest

from fuse import settings as s
from fuse.losses import SMALLEST_BATCH


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"protocol": "loso", "latent": 7, "learning_rate": 1e-5, "mix": 1.0},
        {"loss": "mse", "batch": 8, "dropout": 0.0, "weight_decay": 1 / 3},
    ],
)
def test_what_is_dumped_loads_back_equal(tmp_path, changes):
    settings = s.change(s.Settings(), changes)
    assert s.load(written(tmp_path, s.dump(settings))) == settings


def test_every_setting_is_dumped():
    lines = s.dump(s.Settings()).splitlines()
    found = [line.split(" = ")[0] for line in lines]
    assert found == [field.name for field in dataclasses.fields(s.Settings)]


def test_every_number_has_a_range_and_every_word_its_choices():
    for field in dataclasses.fields(s.Settings):
        assert field.name in (s.CHOICES if field.type is str else s.RANGES)


def test_an_experiment_changes_only_what_it_names(tmp_path):
    path = written(tmp_path, "latent = 64\nlearning_rate = 1  # a whole number\n")
    expected = dataclasses.replace(s.Settings(), latent=64, learning_rate=1.0)
    assert s.load(path) == expected


@pytest.mark.parametrize("name", s.experiments())
def test_experiments_that_come_along_load(name):
    assert s.load(name) != s.Settings()


def test_the_paper():
    paper = s.load("paper")
    assert (paper.protocol, paper.optimizer) == ("session5", "adam")
    assert (paper.epochs, paper.batch, paper.loss) == (5, 8, "mse")


def test_unknown_settings_are_refused_with_the_known(tmp_path):
    path = written(tmp_path, "latnet = 64\n")
    with pytest.raises(ValueError, match="mine.toml: unknown setting latnet; known.*"):
        s.load(path)
    with pytest.raises(ValueError, match="latent, autoencoder_hidden"):
        s.load(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("latent = 64.0", "latent must be of type int, got 64.0 (float)"),
        ("latent = true", "latent must be of type int, got True (bool)"),
        ("dropout = '0.1'", "dropout must be of type float, got '0.1' (str)"),
        ("protocol = 5", "protocol must be of type str"),
        ("dropout = 1.0", "dropout must be in [0, 0.95], got 1.0"),
        ("learning_rate = nan", "learning_rate must be in"),
        ("reconstruction = inf", "reconstruction must be in"),
        ("epochs = 0", "epochs must be in [1, 1e+06], got 0"),
        ("reduce = 'lda'", "must be one of 'autoencoder', 'pca', 'none'; got 'lda'"),
        ("latent = ", "mine.toml: "),
    ],
)
def test_nonsense_is_refused(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=re.escape(sentence)):
        s.load(path)


def test_small_batches_are_for_the_squared_error_alone():
    least = SMALLEST_BATCH
    with pytest.raises(ValueError, match=f"biased low; use batch={least} or more"):
        s.Settings(batch=least - 1)
    assert s.Settings(batch=8, loss="mse").batch == 8


def test_pretraining_needs_an_autoencoder():
    with pytest.raises(ValueError, match="needs an autoencoder, but reduce='pca'"):
        s.Settings(training="pretrain", reduce="pca")


@pytest.mark.parametrize("changes", [{"layers": "weighted"}, {"modality_dropout": 0.2}])
def test_what_changes_codes_cannot_be_learnt_behind_frozen_ones(changes):
    (name,) = changes
    with pytest.raises(
        ValueError, match=f"{name}=.*freezes their codes; use training="
    ):
        s.Settings(training="pretrain", **changes)


def test_layers_are_weighed_before_they_are_reduced():
    with pytest.raises(ValueError, match="use reduce='autoencoder' or 'none'"):
        s.Settings(layers="weighted", reduce="pca")


def test_overrides_read_numbers_and_words():
    assignments = ["latent=64", "reduce=pca", "dropout = 0", "protocol='loso'"]
    found = s.override(s.Settings(), assignments)
    assert (found.latent, found.reduce) == (64, "pca")
    assert (found.dropout, found.protocol) == (0.0, "loso")


def test_an_override_without_a_value_is_refused():
    with pytest.raises(ValueError, match="'latent' should be name=value"):
        s.override(s.Settings(), ["latent"])


def test_an_override_of_the_wrong_type_is_refused():
    with pytest.raises(ValueError, match="latent must be of type int, got 'many'"):
        s.override(s.Settings(), ["latent=many"])


def test_a_missing_experiment_lists_those_there_are():
    with pytest.raises(FileNotFoundError, match="no experiment 'papers'.*paper"):
        s.load("papers")
