import dataclasses

import pytest
import small_bundles
from huggingface_hub import ModelCard
from trained_runs import train_run

from affuse.data.records import Member
from affuse.data.runs.bundle_information import read_bundle_info, write_bundle_info
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.bundles.bundle_card import CardFacts, model_card
from affuse.fuse.bundles.bundle_writing import BundleContent, EncoderFiles
from affuse.fuse.bundles.missing_modalities import missing_modalities
from affuse.fuse.bundles.run_models import load_run_models
from affuse.fuse.commands.report_command import render
from affuse.fuse.reporting.run_tables import tabulate


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """Facts on a bundle that references its encoders."""
    run = small_bundles.calibrated_run(tmp_path_factory.mktemp("runs"))
    source = load_run_models(run)
    licences = {"audio": "cc-by-nc-4.0", "text": "mit"}
    encoders = tuple(EncoderFiles(r, licences[r.modality]) for r in source.encoders)
    return CardFacts(
        info=BundleContent(source, encoders).info(),
        name="me/toy",
        licence="cc-by-nc-4.0",
        table=tabulate([read_run(run)])[0],
        source=source,
    )


def test_the_hub_reads_the_metadata_of_a_card(facts):
    data = ModelCard(model_card(facts)).data
    assert (data.library_name, data.license) == ("affuse", "cc-by-nc-4.0")
    assert {"valence", "arousal", "dominance", "ratings-synthetic"} < set(data.tags)
    results = {r.metric_name: r.metric_value for r in data.eval_results}
    estimate = facts.table.rows[0].sections["all"]
    assert results["CCC, mean"] == pytest.approx(estimate.mean.value, abs=1e-4)
    assert len(results) == 4
    assert "SYNTHETIC" in data.eval_results[0].dataset_name


def test_a_card_has_the_figures_of_the_report(facts):
    card = model_card(facts)
    rows = [line for line in render([facts.table], "markdown").splitlines()
            if line.startswith("| early |")]  # fmt: skip
    assert rows
    assert all(row in card for row in rows)


def test_a_card_names_nobody(facts):
    card = model_card(facts)
    assert [name for name in small_bundles.NAMES if name in card] == []


@pytest.mark.parametrize(
    ("nature", "words"),
    [
        ("synthetic", "**Synthetic data: the figures show that the pipeline works"),
        ("proxy", "**Proxy ratings: nobody rated these utterances"),
        ("human", "**Human ratings: people rated these utterances.**"),
    ],
)
def test_a_card_states_the_kind_of_ratings_first(facts, nature, words):
    info = dataclasses.replace(facts.info, nature=nature)
    card = model_card(dataclasses.replace(facts, info=info))
    assert words in card.partition("## Data")[0]


def test_a_card_states_the_kind_of_ratings_of_each_corpus(facts, tmp_path):
    members = (Member("a", "human", (1.0, 5.0)), Member("b", "synthetic", None))
    info = dataclasses.replace(facts.info, corpus="a+b", members=members)
    table = dataclasses.replace(facts.table, corpus="a+b", members=members)
    card = model_card(dataclasses.replace(facts, info=info, table=table))
    kinds = "partly synthetic data: b; partly human ratings: a"
    assert f"* Corpus: a+b ({kinds})." in card
    assert f"**CCC on a+b ({kinds}), protocol loso**" in card
    assert "**b: Synthetic data: the figures show that the pipeline works" in card
    data = ModelCard(card).data
    assert {"ratings-human", "ratings-synthetic"} < set(data.tags)
    assert data.eval_results[0].dataset_name == f"a+b ({kinds}, protocol loso)"
    write_bundle_info(tmp_path, info)
    assert read_bundle_info(tmp_path) == info


def test_a_card_states_scale_licence_limits_and_usage(facts):
    card = model_card(facts)
    for words in (
        *("1 to 5", "loso, 5 folds", "Article 5(1)(f)", "no measure of what a person"),
        'affuse predict me/toy recording.wav --text "I am fine."',
        'model.predict(["recording.wav"], text=["I am fine."])',
        "**No commercial use:** the licence of `tiny` (cc-by-nc-4.0)",
        "Intervals of 50% contain these shares",
    ):
        assert words in card


def test_a_model_without_a_scale_says_so(facts):
    info = dataclasses.replace(facts.info, scale=None)
    card = model_card(dataclasses.replace(facts, info=info))
    assert "Scale of the ratings as released: not recorded" in card


def section(card, name):
    """Return the text of a section of a card."""
    return card.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_a_card_says_that_models_need_each_modality(facts):
    words = section(model_card(facts), "Missing modalities")
    for modality in ("audio", "text"):
        need = f"Without {modality}: no prediction. The models need {modality} of each"
        assert need in words
    assert "An empty text is no missing text" in words
    assert "trained without modality dropout" in words
    assert f"`affuse ablate runs/{facts.info.name}` measures it" in words


@pytest.mark.parametrize(
    ("design", "more", "phrase"),
    [
        ("early", {"modality_dropout": 0.3}, "the training mean replaces text"),
        ("experts", {}, "the design leaves text out"),
    ],
)
def test_a_card_says_which_modality_may_be_missing(
    facts, tmp_path, design, more, phrase
):
    run = train_run(
        tmp_path,
        design,
        found=small_bundles.corpus(),
        caches=small_bundles.embeddings(),
        epochs=1,
        protocol="loso",
        **more,
    )
    source = load_run_models(run)
    card = model_card(dataclasses.replace(facts, source=source))
    words = section(card, "Missing modalities")
    assert f"Without text: predictions from audio alone; {phrase}." in words
    assert ("30% of the training utterances lost a modality" in words) == bool(more)


def test_a_card_of_one_modality_says_that_it_takes_nothing_else(tmp_path):
    run = train_run(
        tmp_path,
        "audio",
        found=small_bundles.corpus(),
        caches=small_bundles.embeddings(),
        epochs=1,
        protocol="loso",
    )
    lines = [*missing_modalities(load_run_models(run))]
    assert lines == ["* Without audio: no prediction. The models take nothing else."]
