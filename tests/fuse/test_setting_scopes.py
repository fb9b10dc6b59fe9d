"""No model of a group takes the value of a setting from another model.

All fields of `Settings` are tested. A new field needs no edit of this file, because
another value is derived from its choices, its range or its type. Only settings that
name columns, or layers of a modality, have their values in `COLUMNS`.
"""

import dataclasses
import functools
from dataclasses import dataclass

import pytest
import torch
from learnable_corpus import corpus, embeddings, labelled

from affuse.data.errors import AffuseError
from affuse.fuse.inputs.tensors import align
from affuse.fuse.setting_scopes import PER_MODEL, SHARED, UNUSED, Mark, mark, setting
from affuse.fuse.settings import CHOICES, END_TO_END, RANGES, Settings
from affuse.fuse.sklearn.conventions import ROW_SETTINGS
from affuse.fuse.sweep.search_space import UNSEARCHED_SETTINGS
from affuse.fuse.training.fitting import fit_all
from affuse.fuse.training.grouped import batches
from affuse.fuse.training.grouped.group_training import GroupTraining
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.grouped.phases import (
    RESTORED,
    AutoencoderPhase,
    RatingObjective,
)

# Each field matters in one of them: patience ends the training before the last epoch
JOINT = Settings(
    latent=8,
    autoencoder_hidden=16,
    hidden=16,
    input_dropout=0.3,
    modality_dropout=0.2,
    dropout=0.3,
    loss="mix",
    learning_rate=0.05,
    weight_decay=0.1,
    batch=64,
    epochs=6,
    patience=2,
    pretrain_epochs=6,
    pretrain_rate=0.05,
)
PRETRAIN = dataclasses.replace(JOINT, training="pretrain", modality_dropout=0.0)
BRIEF = dataclasses.replace(PRETRAIN, epochs=1, pretrain_epochs=1)
BASES = {"joint": JOINT, "pretrain": PRETRAIN}
TRIED = 2  # other values of a field, at most
FIELDS = dataclasses.fields(Settings)
COLUMNS = {
    **{"auxiliary": ["gender:0.5"], "agreement": ["deviation:spread"]},
    **{"layers": ["weighted", "last"], "pooling": ["mean"]},
}


@pytest.fixture(scope="module")
def rows():
    found = align(labelled(corpus()), embeddings())
    return found.all_rows(features=("audio", "text"))


@pytest.fixture(scope="module")
def bases(rows):
    """The models of `BASES`, each trained alone."""
    return {name: trained(job(rows, base))[0] for name, base in BASES.items()}


def job(rows, settings):
    train, validation = torch.arange(160), torch.arange(200, 260)
    return ModelTask(rows, train, validation, "late", settings, seed=0)


def trained(*jobs):
    found = dict(fit_all(jobs, threads=1))
    return [found[number] for number in range(len(jobs))]


def state(fitted, part=""):
    found = fitted.module.state_dict()
    return {name: values for name, values in found.items() if name.startswith(part)}


def same(one, other, part=""):
    """Whether two models, or parts of them, are equal bit for bit, and so trained."""
    states = state(one, part), state(other, part)
    equal = states[0].keys() == states[1].keys() and all(
        torch.equal(values, states[1][name]) for name, values in states[0].items()
    )
    return equal and one.pretraining == other.pretraining


def same_history(one, other):
    return same(one, other) and one.history == other.history


def candidates(field, value):
    """Values that a field might have instead, whether or not they suit the others."""
    if field.name in CHOICES:
        return [choice for choice in CHOICES[field.name] if choice != value]
    if field.name in COLUMNS:
        return COLUMNS[field.name]
    if type(field.default) is bool:
        return [not value]
    if field.name not in RANGES:
        return []
    low, high = RANGES[field.name]
    kind = type(field.default)
    tried = (kind(x) for x in (value * 2, value / 2, value + 1, (low + high) / 2))
    return [x for x in dict.fromkeys(tried) if low <= x <= high and x != value]


def alternatives(field, bases):
    """(name of the base, settings that differ from it in this field alone)"""
    found = []
    for name, base in bases.items():
        suited = []
        for value in candidates(field, getattr(base, field.name)):
            try:
                other = dataclasses.replace(base, **{field.name: value})
            except AffuseError:  # it does not suit the other settings
                continue
            if other.training != END_TO_END:  # nothing is left to train
                suited.append((name, other))
        found += suited[:TRIED]
    if not found:
        pytest.fail(
            f"no other value of the setting {field.name} could be derived; give it "
            f"CHOICES or RANGES in fuse/setting_ranges.py, or change BASES here if no "
            f"value suits the other settings"
        )
    return found


SOME = [  # every third in `make test`, all of them in `make test-slow`
    pytest.param(field, marks=pytest.mark.slow if place % 3 else (), id=field.name)
    for place, field in enumerate(FIELDS)
]


@pytest.mark.parametrize("field", SOME)
def test_models_that_differ_in_one_setting_are_the_same_together(rows, bases, field):
    matters = False
    for name, other in alternatives(field, BASES):
        jobs = job(rows, BASES[name]), job(rows, other)
        alone = bases[name], trained(jobs[1])[0]
        for expected, found in zip(alone, trained(*jobs), strict=True):
            assert same_history(found, expected)
        differs = not same_history(*alone)
        matters = matters or differs
        if "joint" == jobs[0].settings.training == jobs[1].settings.training:
            assert not (differs and mark(field).regressor is UNUSED)
        if name == "pretrain" and mark(field).autoencoder is UNUSED:
            assert same(*alone, "autoencoders.")
    assert matters != (mark(field) == Mark(UNUSED, UNUSED))


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_group_shares_the_values_of_unmarked_settings(rows, field):
    for name, other in alternatives(field, BASES):
        one, two = job(rows, BASES[name]), job(rows, other)
        shaped = batches.batch_shape(160, one.settings) == batches.batch_shape(
            160, two.settings
        )
        apart = mark(field).regressor is SHARED or not shaped
        assert (one.group_key != two.group_key) == apart
        apart = mark(field).autoencoder is SHARED or not shaped
        assert (
            one.autoencoder_group_key("audio") != two.autoencoder_group_key("audio")
        ) == apart
        used = mark(field).autoencoder is not UNUSED
        assert (one.autoencoder_key("audio") != two.autoencoder_key("audio")) == used


UNUSED_BY_AUTOENCODERS = [  # auxiliary targets are refused with pretrained ones
    f for f in FIELDS if mark(f).autoencoder is UNUSED and f.name != "auxiliary"
]


@pytest.mark.parametrize("field", UNUSED_BY_AUTOENCODERS, ids=lambda field: field.name)
def test_tasks_share_autoencoders_that_do_not_use_their_difference(
    rows, monkeypatch, field
):
    made = []
    original = GroupTraining.train_autoencoders

    def codecs(training, pairs, stopped):
        made.extend(modality for _, modality in pairs)
        return original(training, pairs, stopped)

    monkeypatch.setattr(GroupTraining, "train_autoencoders", codecs)
    for _, other in alternatives(field, {"pretrain": BRIEF}):
        made.clear()
        one, two = trained(job(rows, BRIEF), job(rows, other))
        assert sorted(made) == ["audio", "text"]
        assert state(one, "autoencoders.")
        assert same(one, two, "autoencoders.")


def test_settings_of_inputs_and_baselines_are_no_parameters_of_a_training():
    of_rows = [f.name for f in FIELDS if mark(f) == Mark(UNUSED, UNUSED)]
    assert of_rows == [
        *("protocol", "folds", "split_seed", "out_of_range", "pooling", "map")
    ]
    assert list(ROW_SETTINGS) == list(UNSEARCHED_SETTINGS) == of_rows


@dataclass(frozen=True)
class Unmarked(Settings):
    """With a field that somebody adds without a thought of groups."""

    gain: float = 1.0


@dataclass(frozen=True)
class Mistaken(Settings):
    """With a field whose mark says that a group bears differences, and it does not."""

    gain: float = setting(1.0, regressor=PER_MODEL, autoencoder=PER_MODEL)


def with_gain(rows, kind, base, gain):
    return job(rows, kind(**{**dataclasses.asdict(base), "gain": gain}))


def gain_in_the_loss(monkeypatch):
    original = RatingObjective.losses

    def losses(self, found, truth, weight):
        whole, lost = original(self, found, truth, weight)
        return [whole + self.settings.gain * lost, lost]

    monkeypatch.setattr(RatingObjective, "losses", losses)


def gain_in_the_autoencoder(monkeypatch):
    make, call = AutoencoderPhase.__init__, AutoencoderPhase.forward

    @functools.wraps(make)
    def init(self, modality, projection, settings, **options):
        make(self, modality, projection, settings, **options)
        self.gain = settings.gain

    def forward(self, features):
        found = call(self, features)
        key = RESTORED + self.modality
        return {**found, key: found[key] * self.gain}

    monkeypatch.setattr(AutoencoderPhase, "__init__", init)
    monkeypatch.setattr(AutoencoderPhase, "forward", forward)


KINDS = {"joint": gain_in_the_loss, "pretrain": gain_in_the_autoencoder}


@pytest.mark.parametrize("training", KINDS)
def test_a_new_setting_without_a_mark_separates_groups(rows, monkeypatch, training):
    KINDS[training](monkeypatch)
    assert mark(dataclasses.fields(Unmarked)[-1]) == Mark(SHARED, SHARED)
    jobs = [with_gain(rows, Unmarked, BASES[training], gain) for gain in (1.0, 3.0)]
    assert jobs[0].group_key != jobs[1].group_key
    assert jobs[0].autoencoder_key("audio") != jobs[1].autoencoder_key("audio")
    assert jobs[0].autoencoder_group_key("audio") != jobs[1].autoencoder_group_key(
        "audio"
    )
    assert jobs[0].projection_key("audio") != jobs[1].projection_key("audio")
    alone = [trained(one)[0] for one in jobs]
    assert not same_history(*alone)
    for expected, found in zip(alone, trained(*jobs), strict=True):
        assert same_history(found, expected)


@pytest.mark.parametrize("training", KINDS)
def test_a_mistaken_mark_is_noticed_by_these_comparisons(rows, monkeypatch, training):
    KINDS[training](monkeypatch)
    jobs = [with_gain(rows, Mistaken, BASES[training], gain) for gain in (1.0, 3.0)]
    assert jobs[0].group_key == jobs[1].group_key
    assert jobs[0].autoencoder_group_key("audio") == jobs[1].autoencoder_group_key(
        "audio"
    )
    first, second = trained(*jobs)
    assert same_history(first, trained(jobs[0])[0])
    assert not same_history(second, trained(jobs[1])[0])


def test_a_setting_without_another_known_value_fails():
    @dataclass(frozen=True)
    class Named(Settings):
        name: str = "a"

    base = Named(**dataclasses.asdict(JOINT))
    with pytest.raises(pytest.fail.Exception, match="of the setting name could be der"):
        alternatives(dataclasses.fields(Named)[-1], {"joint": base})


def test_a_switch_is_covered_without_a_range():
    @dataclass(frozen=True)
    class Switched(Settings):
        switch: bool = False

    base = Switched(**dataclasses.asdict(JOINT))
    found = alternatives(dataclasses.fields(Switched)[-1], {"joint": base})
    assert [settings.switch for _, settings in found] == [True]
