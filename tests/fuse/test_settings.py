import dataclasses
import re

import pytest
from irregular_files import KINDS, put_irregular_file

from affuse.data.errors import AffuseError
from affuse.data.system import digests
from affuse.extract.finetune import tuning_settings
from affuse.fuse import settings as s
from affuse.fuse.experiment_files import dump, experiments, load
from affuse.fuse.losses import SMALLEST_BATCH
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.setting_texts import TEXTS


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
def test_dumped_settings_load_back_equal(tmp_path, changes):
    settings = s.change(s.Settings(), changes)
    assert load(written(tmp_path, dump(settings))) == settings


def test_every_setting_is_dumped():
    lines = dump(s.Settings()).splitlines()
    found = [line.split(" = ")[0] for line in lines]
    assert found == [field.name for field in dataclasses.fields(s.Settings)]


def test_added_settings_are_recorded_only_where_they_have_an_effect():
    names = [field.name for field in dataclasses.fields(s.Settings)]
    added = ["pooling", "ema", "noise", "mixup", "auxiliary", "agreement", "weighting"]
    assert list(recorded(s.Settings())) == [name for name in names if name not in added]
    found = recorded(s.Settings(ema=0.9, auxiliary="gender:1"))
    assert (found["ema"], found["auxiliary"]) == (0.9, "gender:1")
    assert s.change(s.Settings(), recorded(s.Settings())) == s.Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auxiliary", "gender"),
        ("auxiliary", "gender:0"),
        ("auxiliary", "gender:nan"),
        ("auxiliary", "gender:1,gender:2"),
        ("auxiliary", "gender:1,"),
        ("agreement", "spread"),
        ("agreement", "variance:spread"),
        ("agreement", "raters:"),
    ],
)
def test_columns_of_another_form_are_refused(name, value):
    with pytest.raises(AffuseError, match=f"^{name} must be .*; got '{value}'"):
        s.Settings(**{name: value})


@pytest.mark.parametrize("changes", [{"training": "pretrain"}, {"reduce": "none"}])
def test_auxiliary_targets_need_codes_that_are_trained(changes):
    ((name, value),) = changes.items()
    with pytest.raises(AffuseError, match=f"{name}='{value}' has none; use {name}="):
        s.Settings(auxiliary="gender:1", **changes)


def test_rows_are_weighted_in_one_way_only():
    with pytest.raises(AffuseError, match=r"both decide the weights of rows"):
        s.Settings(agreement="raters:n", weighting="raters")
    with pytest.raises(AffuseError, match=r"weighting must be one of 'none', 'raters'"):
        s.Settings(weighting="rater")


OF_TRAIN = ["ema=0.9", "mixup=1", "agreement=raters:n", "weighting=raters"]


@pytest.mark.parametrize("assignment", OF_TRAIN)
def test_finetune_refuses_options_of_train_alone(assignment):
    settings = s.override(s.Settings(), [assignment])
    with pytest.raises(AffuseError, match=r"is an option of train, which finetune la"):
        tuning_settings.demand(settings)


def test_every_number_has_a_range_and_every_word_its_choices():
    for field in dataclasses.fields(s.Settings):
        words = {**s.CHOICES, **TEXTS}
        assert field.name in (words if field.type is str else s.RANGES)


def test_an_experiment_changes_only_what_it_names(tmp_path):
    path = written(tmp_path, "latent = 64\nlearning_rate = 1  # a whole number\n")
    expected = dataclasses.replace(s.Settings(), latent=64, learning_rate=1.0)
    assert load(path) == expected


@pytest.mark.parametrize("name", experiments())
def test_bundled_experiments_load(name):
    assert load(name) != s.Settings()


def test_the_experiment_paper_has_the_published_settings():
    paper = load("paper")
    assert (paper.protocol, paper.optimizer) == ("session5", "adam")
    assert (paper.epochs, paper.batch, paper.loss) == (5, 8, "mse")


def test_unknown_settings_are_refused_with_the_known(tmp_path):
    path = written(tmp_path, "latnet = 64\n")
    with pytest.raises(ValueError, match="mine.toml: unknown setting latnet; known.*"):
        load(path)
    with pytest.raises(ValueError, match="latent, autoencoder_hidden"):
        load(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("latent = 64.0", "latent must be of type int, got 64.0 (float)"),
        ("latent = true", "latent must be of type int, got True (bool)"),
        ("dropout = '0.1'", "dropout must be of type float, got '0.1' (str)"),
        ("protocol = 5", "protocol must be of type str"),
        ("dropout = 1.0", "dropout must be in [0, 0.95], got 1.0"),
        ("learning_rate = nan", "learning_rate is nan, not a finite number"),
        ("reconstruction = inf", "reconstruction is inf, not a finite number"),
        ("epochs = 0", "epochs must be in [1, 1e+06], got 0"),
        ("reduce = 'lda'", "must be one of 'autoencoder', 'pca', 'none'; got 'lda'"),
        ("latent = ", "mine.toml: "),
        ("latent = [1, 2]", "latent must be of type int, got [1, 2] (list)"),
        ("latent = 2020-01-01", "latent is datetime.date(2020, 1, 1), not a text or"),
        (f"latent = 0x{'f' * 9_000}", "latent is a int that is too large to show, not"),
        (f"learning_rate = 1{'0' * 400}", "learning_rate is 1000"),
        ("[latent]\nx = 1", "latent must be of type int, got {'x': 1} (dict)"),
        ("[[latent]]\nx = 1", "latent is {'x': 1}, not a value of fewer levels"),
        (f"latent = {'[' * 3_000}", "mine.toml: it is no TOML (nested too deeply)"),
        (f"[{'a.' * 3_000}b]", "mine.toml: "),
        ("finetune = 3", "mine.toml: finetune is 3, not a table"),
        ("[[finetune]]\nclip = 1.0", "mine.toml: finetune is [{'clip': 1.0}], not a"),
        ("[finetune.more.yet]", "mine.toml: finetune.more is {}, not a value"),
        ("\xff", "mine.toml: it is no TOML"),
        ("#" * 2**21, "mine.toml is damaged: it has 2,097,152 bytes, more than the"),
    ],
    ids=lambda text: text[:20],
)
def test_invalid_experiments_are_refused(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(AffuseError, match=re.escape(sentence)) as caught:
        load(path)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("finetune = 3", "mine.toml: finetune is 3, not a table"),
        ("[[finetune]]\nclip = 1.0", "mine.toml: finetune is [{'clip': 1.0}], not a"),
        (f"latent = {'[' * 3_000}", "mine.toml: it is no TOML (nested too deeply)"),
        ("[finetune]\nclip = 'x'", "mine.toml: clip must be of type float, got 'x'"),
        (
            "[finetune]\nclip = [1.0]",
            "mine.toml: clip must be of type float, got [1.0]",
        ),
        ("[finetune]\nclip = nan", "mine.toml: finetune.clip is nan, not a finite num"),
        ("[finetune]\nwarmup = 2.0", "mine.toml: warmup must be in [0, 0.9], got 2.0"),
        ("[finetune]\nclap = 1", "mine.toml: unknown in [finetune]: clap; known are"),
        ("[finetune]\ndtype = 1979-05-27", "finetune.dtype is datetime.date("),
    ],
    ids=lambda text: text[:20],
)
def test_invalid_finetune_tables_are_refused(tmp_path, text, sentence):
    path = written(tmp_path, text)
    with pytest.raises(AffuseError, match=re.escape(sentence)):
        tuning_settings.load(path, {})


@pytest.mark.parametrize("load", [load, lambda path: tuning_settings.load(path, {})])
@pytest.mark.parametrize("kind", KINDS)
def test_an_experiment_that_is_no_file_is_reported_in_a_sentence(tmp_path, load, kind):
    path = put_irregular_file(tmp_path / "mine.toml", kind)
    with pytest.raises(AffuseError, match="mine.toml' is not a file: choose from"):
        load(path)


def test_an_experiment_with_another_digest_is_damaged(tmp_path):
    path = written(tmp_path, "latent = 64\n")
    digests.list_files(tmp_path, [path.name])
    assert load(path).latent == 64
    path.write_text("latent = 65\n")
    with pytest.raises(AffuseError, match=r"mine\.toml is damaged: its SHA-256 is not"):
        load(path)


def test_small_batches_are_for_the_squared_error_alone():
    least = SMALLEST_BATCH
    with pytest.raises(ValueError, match=f"biased low; use batch={least} or more"):
        s.Settings(batch=least - 1)
    assert s.Settings(batch=8, loss="mse").batch == 8


def test_pretraining_needs_an_autoencoder():
    with pytest.raises(ValueError, match="needs an autoencoder, but reduce='pca'"):
        s.Settings(training="pretrain", reduce="pca")


@pytest.mark.parametrize("changes", [{"layers": "weighted"}, {"modality_dropout": 0.2}])
def test_settings_that_change_frozen_codes_are_refused(changes):
    (name,) = changes
    with pytest.raises(
        ValueError, match=f"{name}=.*freezes their codes; use training="
    ):
        s.Settings(training="pretrain", **changes)


def test_weighted_layers_are_refused_with_pca():
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


@pytest.mark.parametrize(
    "text", ["[" * 3_000, "0x" + "f" * 9_000, "nan", "2020-01-01", "1\nhidden = 2", "{"]
)
def test_an_override_of_a_strange_value_is_taken_for_text(text):
    with pytest.raises(
        AffuseError, match="latent must be of type int, got '"
    ) as caught:
        s.override(s.Settings(), [f"latent={text}"])
    assert len(str(caught.value)) < 120


def test_a_missing_experiment_lists_the_available_ones():
    with pytest.raises(FileNotFoundError, match="no experiment 'papers'.*paper"):
        load("papers")
