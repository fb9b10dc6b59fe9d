import dataclasses

import pytest
from learnable_corpus import corpus, embeddings
from trained_runs import train_run

from affuse.data import plugins
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.models.decisions import DECISIONS
from affuse.fuse.settings import Settings
from affuse.fuse.training.parameter_budget import (
    InputSizes,
    count_parameters,
    match_all_designs,
    match_parameters,
)

SIZES = InputSizes({"audio": 1024, "text": 768}, {"audio": 1, "text": 1}, 3)
DESIGNS = [*plugins.names(DESIGN_KIND), *DECISIONS]


@pytest.mark.parametrize("fusion", DESIGNS)
@pytest.mark.parametrize("reduce", ["autoencoder", "pca"])
def test_any_design_can_have_a_million_parameters(fusion, reduce):
    settings = Settings(reduce=reduce)
    found = match_parameters(fusion, SIZES, settings, parameters=1_000_000)
    assert dataclasses.replace(found, hidden=settings.hidden) == settings
    size = count_parameters(fusion, SIZES, found)
    # one hidden unit more or less is a few hundred, a token four units, twice quadratic
    assert size == pytest.approx(1_000_000, rel=0.02)
    for hidden in (found.hidden - 1, found.hidden + 1):
        other = count_parameters(
            fusion, SIZES, dataclasses.replace(found, hidden=hidden)
        )
        assert abs(other - 1_000_000) >= abs(size - 1_000_000)


@pytest.mark.parametrize("fusion", DESIGNS)
def test_more_units_never_give_fewer_parameters(fusion):
    sizes = [
        count_parameters(fusion, SIZES, Settings(reduce="none", hidden=hidden))
        for hidden in (1, 2, 3, 4, 5, 8, 13, 100, 2**16)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


@pytest.mark.parametrize("fusion", ["early", "crossattention", "latemean"])
@pytest.mark.parametrize(
    "changes", [{}, {"reduce": "pca"}, {"layers": "weighted"}, {"reduce": "none"}]
)
def test_the_parameter_count_equals_that_of_the_trained_model(
    tmp_path, fusion, changes
):
    folder = train_run(tmp_path, fusion, epochs=1, **changes)
    info = read_run(folder).info
    settings = Settings(**info.settings)
    sizes = InputSizes.of(corpus(), embeddings())
    assert sizes == InputSizes({"audio": 12, "text": 7}, {"audio": 2, "text": 1}, 3)
    assert count_parameters(fusion, sizes, settings) == info.parameters


def test_a_budget_below_the_autoencoders_is_refused():
    # each of 1024-128-128-128-1024 or 768-..., with a bias for each unit
    with pytest.raises(
        ValueError, match="about 50,000 parameters: with hidden=1 it has 5.*latent, aut"
    ):
        match_parameters("early", SIZES, Settings(), parameters=50_000)


def test_a_budget_above_the_largest_model_is_refused():
    sizes = InputSizes({"text": 2}, {"text": 1}, 1)
    with pytest.raises(ValueError, match=r"hidden=65536 it has [\d,]*; ask for"):
        match_parameters("text", sizes, Settings(reduce="none"), parameters=10**9)


def test_every_design_is_sized_before_any_is_trained():
    said = []
    found = match_all_designs(
        ["audio", "early"], SIZES, Settings(), parameters=700_000, say=said.append
    )
    assert list(found) == ["audio", "early"]
    for line, (fusion, settings) in zip(said, found.items(), strict=True):
        size = count_parameters(fusion, SIZES, settings)
        assert line == f"{fusion}: hidden={settings.hidden} gives {size:,} parameters"
    # speech alone has the autoencoder of one modality, so its regressor may be larger
    assert found["audio"].hidden > found["early"].hidden
