"""Facts from the cache: durations of the recordings, and sentences if it is missing."""

import csv

import pytest
import soundfile
import tuned_encoders
from cli_calls import call
from own_runs import TINY, train, write_table

from affuse.data.cache import fold_encoders, provenance, store
from affuse.data.options.extraction_options import Extract
from affuse.data.runs.finetuning_folder import FinetuningFolder
from affuse.data.system.work_log import log_work
from affuse.extract.caching import provenance_writing
from affuse.extract.encoding.choices import Choice
from affuse.fuse.commands.cached_facts import add_cached_facts
from affuse.fuse.commands.report_command import collect


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Runs of gated fusion and of text alone, with their table and their cache."""
    root = tmp_path_factory.mktemp("trained")
    table = write_table(root)
    train(table, root, *TINY, "--fusion", "gated,text")
    return root


def test_durations_are_those_of_the_recordings(trained):
    problems = []
    (table,) = add_cached_facts(
        collect(trained / "runs"), trained / "cache", problems.append
    )
    assert problems == []
    with (trained / "own.csv").open(newline="") as file:
        files = [row["file"] for row in csv.DictReader(file)]
    expected = sorted(soundfile.info(trained / file).duration for file in files)
    assert sorted(table.durations.values()) == pytest.approx(expected, abs=1e-3)
    tested = set(table.sources.parts[0]["all"].predictions.id.tolist())
    assert tested <= set(table.durations)
    caches = sorted(log.steps[0].unit for log in table.extractions.values())
    assert caches == ["audio-s", "char"]
    steps = [step for log in table.extractions.values() for step in log.steps]
    assert {step.command for step in steps} == {"extract"}
    (ablation,) = table.ablations  # text alone has nothing to remove
    assert set(ablation.weights) == {"audio", "text"}


def test_the_times_of_a_fine_tuning_are_found_by_the_provenance(tmp_path):
    tuned = tuned_encoders.fine_tune(tmp_path / "finetuned")
    cache = tuned_encoders.write_caches(tmp_path / "cache", tuned)
    for each in store.find(cache, "toy"):
        modality = each.recipe.modality
        folder = tuned / fold_encoders.origin(each.recipe)["fold"] / modality
        options = Extract(corpus="manifest", root=tmp_path)
        choice = Choice(modality, checkpoint=str(folder))
        provenance_writing.keep(each.path, each.recipe, choice, options)
    with log_work("finetune", device="a card", unit="folds") as clock:
        clock.count(FinetuningFolder(tuned).steps, 5)
    where = ("--cache", cache, "--runs", tmp_path / "runs", "--finetuned", tuned)
    words = ("--fusion", "early", "--protocol", "loso", "--set", "epochs=1", *where)
    done = call("train", *words, "--seeds", 1, "--threads", 1)
    assert done.exit_code == 0, done.output
    problems = []
    (table,) = add_cached_facts(collect(tmp_path / "runs"), cache, problems.append)
    (step,) = table.extractions[tuned.name].steps
    assert (step.command, step.device, step.amount) == ("finetune", "a card", 5)
    assert len(table.extractions) == 11  # ten caches, none of which has a log
    for each in store.find(cache, "toy"):
        provenance.path(each.path).unlink()
    (table,) = add_cached_facts(collect(tmp_path / "runs"), cache, problems.append)
    assert len(table.extractions) == 10
    assert all(name.startswith("toy ") for name in table.extractions)


def test_a_missing_cache_is_named_and_the_table_stays(trained):
    problems = []
    tables = collect(trained / "runs")
    (table,) = add_cached_facts(tables, trained / "nowhere", problems.append)
    assert (table.durations, table.ablations, table.extractions) == ({}, (), {})
    assert table.rows == tables[0].rows
    assert len(problems) == 2
    assert all("nowhere" in sentence for sentence in problems)
