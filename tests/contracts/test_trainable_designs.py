"""Contract of every kind of design; each test runs on all designs."""

import dataclasses

import pytest
import torch
from learnable_corpus import corpus, embeddings, joined_embeddings

from affuse.data.errors import AffuseError, DamagedFileError, OptionError
from affuse.fuse.inputs.tensors import HEAD, align
from affuse.fuse.models.baselines import FITTED, SEED
from affuse.fuse.models.design import Design
from affuse.fuse.models.projection import Projection
from affuse.fuse.models.trainable.design_protocol import DESIGN_SPECIFIC_SETTINGS
from affuse.fuse.models.trainable.design_registry import (
    KINDS,
    code_difference,
    design_names,
    find_trainable,
    group_by_kind,
)
from affuse.fuse.models.trainable.network_design import NetworkDesign
from affuse.fuse.models.trainable.saved_model import SavedModel
from affuse.fuse.settings import Settings
from affuse.fuse.training.fitting import fit_all, fit_any_kind
from affuse.fuse.training.grouped.model_tasks import ModelTask
from affuse.fuse.training.setting_resolution import resolve_settings

NAMES = design_names()
EVERY = ("audio", "text")
BASE = Settings(latent=4, autoencoder_hidden=8, hidden=8, epochs=1)
FOLDS = (range(120), range(120, 180))  # rows to train on, to validate on


EMBEDDINGS = {"one encoder": embeddings, "joined encoders": joined_embeddings}


@pytest.fixture(scope="module", params=EMBEDDINGS)
def aligned(request):
    return align(corpus(count=180), EMBEDDINGS[request.param](count=180))


@pytest.fixture(scope="module")
def joined():
    return align(corpus(count=180), joined_embeddings(count=180))


def settings_of(name):
    return resolve_settings(BASE, name)


@pytest.fixture(scope="module")
def tasks(aligned):
    """Training task of each design on the same rows, in the order of NAMES."""
    return tasks_on(aligned, NAMES)


def tasks_on(aligned, names, **changes):
    """Return the training task of each design on all rows."""
    rows = aligned.all_rows(features=[*EVERY, HEAD])
    train, validation = (torch.tensor(part) for part in FOLDS)
    tasks = []
    for name in names:
        settings = dataclasses.replace(settings_of(name), **changes)
        where = train, validation, name, settings, 0, name, aligned.head
        tasks.append(ModelTask(rows, *where))
    return tasks


@pytest.fixture(scope="module")
def fitted(tasks):
    """All designs, fitted together: {name: fitted design}"""
    found = list(fit_any_kind(tasks))
    assert sorted(number for number, _ in found) == list(range(len(NAMES)))
    return {NAMES[number]: result for number, result in found}


@pytest.fixture(params=NAMES)
def design(request):
    return find_trainable(request.param)


def layers_of(design, aligned):
    return {m: aligned.layers[m] for m in design.modalities(EVERY)}


def saved(design, aligned, state, **changes):
    return SavedModel(
        state,
        targets=aligned.targets,
        head=aligned.head,
        layers=layers_of(design, aligned),
        settings=dataclasses.replace(settings_of(design.name), **changes),
    )


def test_every_name_belongs_to_one_kind():
    assert len(set(NAMES)) == len(NAMES)
    assert {"audio", "late", "stacking", "ridge", "zeroshot"} <= set(NAMES)
    assert [n for n in NAMES if find_trainable(n).is_baseline] == [*FITTED, "zeroshot"]
    assert {type(find_trainable(name)) for name in NAMES} == set(KINDS)
    for name in NAMES:
        assert find_trainable(name).name == name
        assert name in type(find_trainable(name)).names()


def test_features_are_of_cached_modalities(design):
    modalities = design.modalities(EVERY)
    assert modalities
    assert set(modalities) <= set(EVERY)
    features = design.features(modalities)
    assert features
    assert set(features) <= {*modalities, HEAD}


def test_is_fed_requires_all_features_of_a_design(design):
    assert design.has_inputs(EVERY, head=True)
    takes_head = HEAD in design.features(design.modalities(EVERY))
    assert design.has_inputs(EVERY, head=False) is not takes_head
    for cached in (["audio"], ["text"]):
        fed = design.has_inputs(cached, head=False)
        assert fed == (not takes_head and set(design.modalities(cached)) <= {*cached})


def test_a_head_is_required_only_by_designs_that_use_it(design):
    design.demand_head(("arousal", "valence"), ["valence"])
    if HEAD in design.features(design.modalities(EVERY)):
        with pytest.raises(AffuseError, match="extract audio with --head"):
            design.demand_head((), ["valence"])
    else:
        design.demand_head((), ["valence"])


def test_a_seeded_design_uses_the_given_seeds(design):
    assert design.seeds([7, 8, 7]) == ((7, 8) if design.is_seeded else (SEED,))


def test_a_design_with_settings_is_built_from_them(design, aligned):
    assert design.uses("hidden") is design.has_settings
    assert design.uses("learning_rate") is design.has_settings
    names = design.modalities(EVERY)
    projections = {m: Projection(aligned.features[m].shape[1]) for m in names}
    layers = layers_of(design, aligned)
    sizes = []
    for hidden in (8, 9):
        settings = dataclasses.replace(BASE, hidden=hidden)
        how = {"targets": 3, "settings": settings, "layers": layers}
        if not design.has_settings:
            with pytest.raises(OptionError, match=f"of {design.name}, not a sett"):
                design.build(projections, **how)
            return
        parameters = design.build(projections, **how).parameters()
        sizes.append(sum(values.numel() for values in parameters))
    assert sizes[0] < sizes[1]


def test_settings_of_some_designs_are_used_by_those_that_take_them(design):
    for setting in DESIGN_SPECIFIC_SETTINGS:
        assert design.uses(setting) is (setting in design.extra_settings)
    assert {s for n in NAMES for s in find_trainable(n).extra_settings} == {
        *DESIGN_SPECIFIC_SETTINGS
    }


def test_only_designs_that_fit_a_map_use_it(design):
    assert design.uses("map") is design.fits_map
    assert settings_of(design.name).map == ("affine" if design.fits_map else "none")
    if not design.fits_map:
        asked = dataclasses.replace(BASE, map="affine")
        with pytest.raises(OptionError, match="baselines pcaridge, ridge, svr, and"):
            resolve_settings(asked, design.name)


def test_a_design_without_training_uses_no_setting(design):
    assert design.is_trained or not any(
        design.uses(field.name) for field in dataclasses.fields(Settings)
    )


def test_modality_dropout_needs_several_modalities(design):
    several = len(design.modalities(EVERY)) > 1 and not design.bases
    assert design.uses("modality_dropout") is (several and design.has_settings)


def test_bases_are_designs_of_one_modality(design):
    for base in map(find_trainable, design.bases):
        assert base.single_modality == base.name
        assert base.modalities(EVERY) == (base.name,)
        held = f"{base.name} {base.code_revision()}"  # as reports look for it
        assert held in design.code_revision()
    assert not (design.bases and design.single_modality)


def test_baselines_stand_first_and_single_modalities_before_fusion(design):
    single = find_trainable("audio").row_position
    assert (design.row_position < single) is design.is_baseline
    others = not design.is_baseline and not design.single_modality
    assert (design.row_position > single) is others


def test_the_code_revision_of_a_built_in_design_is_known(design):
    revision = design.code_revision()
    assert revision.startswith("revision ")
    assert code_difference("", design.name) == ""
    assert code_difference(revision, design.name) == ""
    said = code_difference("code 0123456789ab", design.name)
    assert said == (
        f"the code of the design '{design.name}' has changed since (code 0123456789ab "
        f"then, {revision} now)"
    )


def test_a_fitted_design_predicts_every_rating(design, fitted, aligned):
    found = fitted[design.name]
    features = aligned.rows(aligned.ids[:5], features=[*EVERY, HEAD]).features
    with torch.no_grad():
        assert found.module(features).shape == (5, len(aligned.targets))
    assert all(len(epoch.scores) == len(aligned.targets) for epoch in found.history)


def test_a_design_fitted_alone_has_equal_weights(design, fitted, tasks):
    ((_, alone),) = type(design).fit([tasks[NAMES.index(design.name)]], fit_all)
    state = fitted[design.name].module.state_dict()
    for name, values in alone.module.state_dict().items():
        assert torch.equal(values, state[name]), name


def test_a_design_is_restored_from_its_weights(design, fitted, aligned):
    state = fitted[design.name].module.state_dict()
    module = design.restore(saved(design, aligned, state)).eval()
    features = aligned.rows(aligned.ids[:5], features=[*EVERY, HEAD]).features
    with torch.no_grad():
        assert torch.equal(module(features), fitted[design.name].module(features))


def test_each_of_joined_encoders_affects_the_predictions_of_its_modality(
    design, joined
):
    (task,) = tasks_on(joined, [design.name], epochs=5)
    ((_, found),) = fit_any_kind([task])
    features = joined.rows(joined.ids[:60], features=[*EVERY, HEAD]).features
    taken = design.features(design.modalities(EVERY))
    with torch.no_grad():
        expected = found.module(features)
        for modality, blocks in joined.layers.items():
            first = blocks[0].layers * blocks[0].dim
            for columns in (slice(0, first), slice(first, None)):
                other = {name: values.clone() for name, values in features.items()}
                other[modality][:, columns] = other[modality][:, columns].roll(1, 0)
                same = torch.allclose(found.module(other), expected, atol=1e-4)
                assert same is (modality not in taken)


VARIANTS = {
    "mixed layers": {"layers": "weighted"},
    "mixed layers without a code": {"layers": "weighted", "reduce": "none"},
    "pretraining": {"training": "pretrain"},
    "principal components": {"reduce": "pca"},
    "no reduction": {"reduce": "none"},
    "options of the training": {"ema": 0.9, "noise": 0.1, "mixup": 0.2},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_designs_are_trained_and_restored_on_joined_encoders(joined, variant):
    changes = VARIANTS[variant]
    found = dict(fit_any_kind(tasks_on(joined, NAMES, **changes)))
    features = joined.rows(joined.ids[:5], features=[*EVERY, HEAD]).features
    for number, name in enumerate(NAMES):
        assert not isinstance(found[number], Exception), (name, found[number])
        design, module = find_trainable(name), found[number].module.eval()
        state = module.state_dict()
        restored = design.restore(saved(design, joined, state, **changes)).eval()
        with torch.no_grad():
            predicted = module(features)
            assert torch.isfinite(predicted).all()
            assert torch.equal(restored(features), predicted), name


def test_weights_that_lack_a_tensor_are_refused(design, fitted, aligned):
    state = dict(fitted[design.name].module.state_dict())
    state.pop(sorted(state)[0])
    with pytest.raises(DamagedFileError):
        design.restore(saved(design, aligned, state))


def test_a_rating_that_does_not_vary_is_an_error_of_that_task_alone(design, tasks):
    task = tasks[NAMES.index(design.name)]
    rows = dataclasses.replace(task.rows, truth=torch.zeros_like(task.rows.truth))
    flat = dataclasses.replace(task, rows=rows, where="fold 7")
    found = dict(type(design).fit([flat], fit_all))
    assert isinstance(found[0], AffuseError)
    assert "fold 7" in str(found[0])
    assert "is not defined" in str(found[0])


def test_designs_of_one_kind_are_fitted_in_one_call(tasks, monkeypatch):
    calls = []

    def counted(jobs):
        calls.append([job.fusion for job in jobs])
        return fit_all(jobs)

    monkeypatch.setattr("affuse.fuse.training.fitting.fit_all", counted)
    chosen = ("early", "ridge", "latemean", "text", "lateccc")
    list(fit_any_kind([tasks[NAMES.index(name)] for name in chosen]))
    networks, bases = calls
    assert networks == ["early", "text"]
    assert sorted(set(bases)) == ["audio", "text"]
    assert len(bases) == 12  # both modalities, of the whole and of five inner folds
    kinds = dict(group_by_kind(chosen))
    assert sorted(sum(kinds.values(), [])) == [0, 1, 2, 3, 4]


def test_parts_are_copies_of_the_rows_of_each_part(tasks, aligned):
    parts = tasks[0].parts(["text", HEAD])
    for part, at in zip(parts, FOLDS, strict=True):
        ids = [aligned.ids[row] for row in at]
        expected = aligned.rows(ids, features=["text", HEAD])
        assert part.features.keys() == expected.features.keys()
        for name, values in expected.features.items():
            assert torch.equal(part.features[name], values)
        assert torch.equal(part.truth, expected.truth)
        assert part.targets == expected.targets
        assert part.layers == expected.layers
        assert part.groups == expected.groups


def test_an_unknown_design_is_treated_as_a_network_in_reports():
    design = find_trainable("elsewhere")
    assert (design.name, design.single_modality, design.bases) == ("elsewhere", "", ())
    assert not design.is_baseline
    assert design.uses("hidden")
    assert not design.uses("late_activation")
    for ask in (design.code_revision, lambda: design.modalities(EVERY)):
        with pytest.raises(AffuseError, match="no design 'elsewhere': choose"):
            ask()


def test_a_design_whose_code_raises_can_be_shown_in_reports(monkeypatch):
    def broken(fusion):
        raise ZeroDivisionError

    monkeypatch.setattr(NetworkDesign, "extra_settings", property(broken))
    assert not find_trainable("early").uses("late_activation")


def test_a_class_is_a_network():
    class Fusion(torch.nn.Module):
        MODALITIES = ("text",)

    for design in (find_trainable(Fusion), find_trainable(Design(Fusion))):
        assert design.name == "Fusion"
        assert design.modalities(EVERY) == ("text",)
        assert design.has_settings


def test_a_baseline_needs_some_embeddings():
    with pytest.raises(AffuseError, match="ridge needs embeddings, and there are none"):
        find_trainable("ridge").modalities([])
