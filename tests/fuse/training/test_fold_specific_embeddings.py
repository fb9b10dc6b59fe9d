"""Training on fold-specific embeddings of stand-ins for fine-tuned encoders."""

import dataclasses
import json
import re
import shlex
import shutil

import learnable_corpus
import numpy as np
import planted_leaks
import pytest
import tuned_encoders
from cli_calls import call, error_sentence
from trained_runs import QUICK, file_contents
from tuned_encoders import COUNT, FOLDS, NAME

from affuse import cli
from affuse.data.cache import fold_caches, fold_encoders, store
from affuse.data.cache.embedding_views import join
from affuse.data.runs.run_predictions import read_run
from affuse.fuse.commands import design_training
from affuse.fuse.robustness.ablation import ablate
from affuse.fuse.scoring.metrics import ccc
from affuse.fuse.trained import model_files, prediction
from affuse.fuse.training.training_request import TrainingData

SMALL = (
    *("--threads", 1, "--set", "epochs=2", "--set", "latent=4", "--set", "hidden=8"),
    *("--set", "autoencoder_hidden=8", "--set", "learning_rate=0.01"),
)


@pytest.fixture(scope="module")
def trained_root(tmp_path_factory):
    """A fine-tuning, its caches and a run; no test may change them."""
    root = tmp_path_factory.mktemp("foldwise")
    run = tuned_encoders.fine_tune(root / "finetuned")
    tuned_encoders.write_caches(root / "cache", run)
    done = fit(root, "--fusion", "early")
    assert done.exit_code == 0, done.output
    return root


@pytest.fixture
def root(trained_root, tmp_path):
    """A copy, without the run."""
    for name in ("finetuned", "cache"):
        shutil.copytree(trained_root / name, tmp_path / name)
    return tmp_path


def where(root):
    return ("--cache", root / "cache", "--runs", root / "runs")


def fit(root, *words):
    own = ("--finetuned", root / "finetuned" / NAME, "--protocol", "loso")
    return call("train", *own, *where(root), "--seeds", 1, *SMALL, *words)


def only(root):
    """Return the only run folder."""
    (found,) = (root / "runs").iterdir()
    return found


def own(root):
    """Return the embeddings of each fold."""
    run = root / "finetuned" / NAME
    return {fold: tuned_encoders.embeddings(run, fold) for fold in FOLDS}


def by_fold(folder):
    """Return the predictions of a run: {fold: (n, targets)}."""
    table = read_run(folder).predictions
    return {fold: table.predicted[table.fold == fold] for fold in FOLDS}


def test_fold_specific_embeddings_give_one_run_with_one_table(trained_root):
    run = read_run(only(trained_root))
    assert sorted(run.predictions.id) == [
        u.id for u in tuned_encoders.corpus().utterances
    ]
    assert {row.fold for row in run.folds} == set(FOLDS)
    said = f"{NAME} (fine-tuned for each fold)"
    assert {e["checkpoint"] for e in run.info.encoders.values()} == {said}
    for fold in FOLDS:
        _, about = model_files.load(
            model_files.model_folder(run.path, fold=fold, seed=0)
        )
        for modality, recipe in about.recipes.items():
            assert fold_encoders.name(recipe) == f"{NAME}/{fold}/{modality}"
    shown = call("report", "--runs", trained_root / "runs", "--format", "json")
    assert shown.exit_code == 0, shown.output
    assert said in shown.output


def test_a_fold_equals_that_of_a_run_whose_folds_share_its_embeddings(
    trained_root, tmp_path
):
    found = by_fold(only(trained_root))
    for fold in ("session2", "session5"):
        plain = {
            m: dataclasses.replace(
                e, recipe=learnable_corpus.recipe(m, layers=e.recipe.layers)
            )
            for m, e in own(trained_root)[fold].items()
        }
        folder = design_training.run(
            tuned_encoders.corpus(),
            plain,
            fusion="early",
            settings=dataclasses.replace(
                run_settings(only(trained_root)), protocol="loso"
            ),
            seeds=[0],
            runs=tmp_path / fold,
            progress=False,
        )
        np.testing.assert_array_equal(by_fold(folder)[fold], found[fold])
        assert np.abs(by_fold(folder)["session1"] - found["session1"]).max() > 1e-3


def run_settings(run):
    """The settings of a run."""
    _, about = model_files.load(model_files.model_folder(run, fold="session1", seed=0))
    return about.settings


@pytest.mark.parametrize(
    "fusion",
    ["early", "ridge", pytest.param("lateccc", marks=pytest.mark.slow)],
)
def test_only_folds_with_exchanged_caches_change(trained_root, root, fusion):
    assert fit(root, "--fusion", fusion).exit_code == 0
    before = by_fold(only(root))
    shutil.rmtree(root / "cache")
    shutil.rmtree(root / "runs")
    swapped = ("session2", "session4")
    tuned_encoders.write_caches(
        root / "cache", root / "finetuned" / NAME, swapped=swapped
    )
    assert fit(root, "--fusion", fusion).exit_code == 0
    after = by_fold(only(root))
    changed = {f for f in FOLDS if not np.array_equal(before[f], after[f])}
    assert changed == set(swapped)


@pytest.mark.parametrize("allowed", [False, True])
def test_an_encoder_that_was_trained_on_test_utterances_is_refused(tmp_path, allowed):
    run = tuned_encoders.fine_tune(tmp_path / "finetuned", session2=["1F", "2M"])
    tuned_encoders.write_caches(tmp_path / "cache", run)
    words = ("--allow", "encoders") if allowed else ()
    done = fit(tmp_path, "--fusion", "text", *words)
    if allowed:
        assert done.exit_code == 0, done.output
        return
    sentence = error_sentence(done)
    assert f"the text encoder {NAME}/session2/text has seen toy" in sentence
    assert "6 utterances (u001" in sentence
    assert "of the test part of fold 'session2'" in sentence
    assert sentence.count("of the test part") == 1
    assert "nothing was trained" in sentence
    assert not (tmp_path / "runs").exists()


def test_finished_models_are_not_trained_again(root):
    assert fit(root, "--fusion", "text").exit_code == 0
    before = file_contents(only(root))
    lost = (
        model_files.model_folder(only(root), fold="session3", seed=0)
        / "predictions.csv"
    )
    kept = {p: p.stat().st_mtime_ns for p in only(root).glob("*/seed-0/model.*")}
    lost.unlink()
    assert fit(root, "--fusion", "text").exit_code == 0
    assert file_contents(only(root)) == before
    anew = {p.parents[1].name for p, t in kept.items() if p.stat().st_mtime_ns != t}
    assert anew <= {"session3"}


def test_the_name_of_a_run_depends_on_the_embeddings_of_every_fold(trained_root):
    names = set()
    for fold in ("", "session1", "session5"):
        given = own(trained_root)
        if fold:
            text = given[fold]["text"]
            recipe = dataclasses.replace(text.recipe, weights="other")
            given[fold]["text"] = dataclasses.replace(text, recipe=recipe)
        plan = design_training.plans.plan_run(
            TrainingData(tuned_encoders.corpus(), given["session3"], given),
            fusion="text",
            settings=dataclasses.replace(QUICK, protocol="loso"),
            runs=trained_root,
            device="cpu",
            label="",
        )
        names.add(plan.info.name)
    assert len(names) == 3


def test_folds_of_other_utterances_are_refused(trained_root):
    given = own(trained_root)
    given["session4"] = {
        m: learnable_corpus.reorder_rows(e, range(1, COUNT))
        for m, e in given["session4"].items()
    }
    with pytest.raises(ValueError, match=r"fold 'session4' are not of the .*: u000;"):
        design_training.run(
            tuned_encoders.corpus(),
            given["session1"],
            fusion="text",
            settings=dataclasses.replace(QUICK, protocol="loso"),
            seeds=[0],
            runs=trained_root / "none",
            fold_embeddings=given,
        )


def test_missing_embeddings_advise_an_extraction_command(root):
    run = root / "finetuned" / NAME
    for cache in list(store.find(root / "cache")):
        fold = fold_encoders.origin(cache.recipe)["fold"]
        if fold == "session2" or fold == "session4" and cache.recipe.modality == "text":
            shutil.rmtree(cache.path)
    sentence = error_sentence(fit(root, "--fusion", "early"))
    lines = [line.strip() for line in sentence.splitlines() if "cli.py" in line]
    begin = "python cli.py extract CORPUS ROOT"
    assert lines == [
        f"{begin} --audio-checkpoint {run}/session2/audio "
        f"--text-checkpoint {run}/session2/text --cache {root}/cache",
        f"{begin} --modality text --text-checkpoint {run}/session4/text "
        f"--cache {root}/cache",
    ]


def test_a_folder_in_an_advised_command_is_a_single_word(root):
    shutil.rmtree(root / "cache")
    strange = root / "finetuned" / "a; b\x1b"
    (root / "finetuned" / NAME).rename(strange)
    (root / "cache").mkdir()
    where = {"named": {}, "modalities": ("text",)}
    with pytest.raises(
        ValueError, match="not extracted yet with their fold-specific"
    ) as error:
        fold_caches.choose(strange, root / "cache", **where)
    _, *lines = str(error.value).split("\n")
    assert len(lines) == len(FOLDS)
    for fold, line in zip(FOLDS, lines, strict=True):
        place = f"{root}/finetuned/a; b\\x1b/{fold}/text"
        assert f" --modality text --text-checkpoint '{place}' --cache " in line


@pytest.mark.parametrize("name", ["model.safetensors", "seen.json"])
def test_embeddings_of_another_state_of_a_checkpoint_are_not_used(root, name):
    path = root / "finetuned" / NAME / "session3" / "text" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("ession3", "essionX").replace("ratings", "rating"))
    sentence = error_sentence(fit(root, "--fusion", "text"))
    assert "--modality text --text-checkpoint" in sentence
    assert "session3/text --cache" in sentence
    assert sentence.count("cli.py extract") == 1


def test_a_fold_that_was_not_fine_tuned_is_named(root):
    shutil.rmtree(root / "finetuned" / NAME / "session5")
    sentence = error_sentence(fit(root, "--fusion", "text"))
    expected = "no encoder was fine-tuned for fold 'session5', only for session1"
    assert expected in sentence
    shutil.rmtree(root / "finetuned" / NAME / "session4" / "text")
    sentence = error_sentence(fit(root, "--fusion", "text"))
    assert "session4 has no text encoder, but other folds do" in sentence
    shutil.rmtree(root / "finetuned" / NAME)
    assert "holds no fine-tuned fold" in error_sentence(fit(root, "--fusion", "text"))


def test_any_cache_of_a_kind_selects_that_kind_for_all_folds(root):
    run = root / "finetuned" / NAME
    tuned_encoders.write_caches(
        root / "cache", run, modalities=["text"], dtype="bfloat16"
    )
    assert "there are 2 text caches; choose one" in error_sentence(
        fit(root, "--fusion", "text"), status=2
    )
    recipe = tuned_encoders.embeddings(run, "session4", dtype="bfloat16")["text"].recipe
    assert fit(root, "--fusion", "text", "--text", recipe.digest()).exit_code == 0
    for fold in FOLDS:
        _, about = model_files.load(
            model_files.model_folder(only(root), fold=fold, seed=0)
        )
        assert about.recipes["text"].dtype == "bfloat16"
    assert "no text cache 'abc'" in error_sentence(
        fit(root, "--fusion", "text", "--text", "abc"), status=2
    )


def test_folds_that_were_extracted_in_other_ways_are_refused(root):
    run = root / "finetuned" / NAME
    for cache in list(store.find(root / "cache")):
        if fold_encoders.origin(cache.recipe)["fold"] == "session2":
            shutil.rmtree(cache.path)
    tuned_encoders.write_caches(
        root / "cache", run, wanted=["session2"], dtype="bfloat16"
    )
    sentence = error_sentence(fit(root, "--fusion", "text"))
    assert "fold 'session2' have dtype='bfloat16', not 'float32' as those" in sentence


def test_embeddings_above_the_memory_limit_are_mapped_for_each_fold(trained_root, root):
    assert fit(root, "--fusion", "early", "--memory", 0).exit_code == 0
    found, expected = by_fold(only(root)), by_fold(only(trained_root))
    assert only(root).name == only(trained_root).name
    for fold in FOLDS:
        np.testing.assert_allclose(found[fold], expected[fold], atol=1e-5)


def frozen(root):
    """Caches of an encoder that nobody fine-tuned."""
    for each in learnable_corpus.embeddings(count=COUNT).values():
        planted_leaks.write_part(root / "cache", each)


def test_frozen_encoders_are_used_without_the_option(root):
    words = ("train", "--fusion", "text", *where(root), "--seeds", 1, *SMALL)
    assert "there are 5 text caches" in error_sentence(call(*words), status=2)
    frozen(root)
    assert call(*words).exit_code == 0
    assert read_run(only(root)).info.encoders["text"]["checkpoint"] == "tiny"


def test_a_modality_that_was_not_fine_tuned_is_frozen_in_all_folds(root):
    frozen(root)
    for path in (root / "finetuned").glob("*/*/audio"):
        shutil.rmtree(path)
    assert fit(root, "--fusion", "early").exit_code == 0
    run = read_run(only(root))
    assert run.info.encoders["audio"]["checkpoint"] == "tiny"
    assert run.info.encoders["text"]["checkpoint"].startswith(NAME)


def test_a_named_frozen_cache_is_used_in_all_folds(root):
    frozen(root)
    digest = learnable_corpus.embeddings(count=COUNT)["audio"].recipe.digest()
    assert fit(root, "--fusion", "early", "--audio", digest).exit_code == 0
    encoders = read_run(only(root)).info.encoders
    assert [e["checkpoint"] == "tiny" for e in encoders.values()] == [True, False]


def test_each_model_predicts_from_the_embeddings_of_its_fold(trained_root):
    run, given = read_run(only(trained_root)), own(trained_root)
    applied = prediction.predict(
        only(trained_root), given["session1"], fold_embeddings=given
    )
    said = dict(zip(applied.folds, applied.by_model, strict=True))
    for fold, written in by_fold(only(trained_root)).items():
        ids = run.predictions.id[run.predictions.fold == fold].tolist()
        rows = [applied.ids.index(id_) for id_ in ids]
        np.testing.assert_allclose(said[fold][rows], written, atol=1e-5)
    with pytest.raises(ValueError, match="embeddings were extracted with weights="):
        prediction.predict(only(trained_root), given["session1"])
    short = {
        m: learnable_corpus.reorder_rows(e, range(5))
        for m, e in given["session2"].items()
    }
    with pytest.raises(
        ValueError, match="'session1' and 'session2' have embeddings of"
    ):
        prediction.predict(
            only(trained_root), {}, fold_embeddings={**given, "session2": short}
        )


def test_new_recordings_are_predicted_once_all_folds_have_them(trained_root, root):
    words = ("predict", only(trained_root), "--cache", root / "cache", "--threads", 1)
    done = call(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1 + COUNT
    for cache in list(store.find(root / "cache")):
        if fold_encoders.origin(cache.recipe)["fold"] == "session3":
            shutil.rmtree(cache.path)
    sentence = error_sentence(call(*words))
    assert (
        f"extract CORPUS ROOT --audio-checkpoint finetuned/{NAME}/session3/audio "
        f"--text-checkpoint finetuned/{NAME}/session3/text" in sentence
    )
    assert sentence.count("cli.py") == 1


def test_modalities_are_ablated_on_the_embeddings_of_each_fold(trained_root):
    done = call(
        "ablate", only(trained_root), "--cache", trained_root / "cache", "--threads", 1
    )
    assert done.exit_code == 0, done.output
    given = own(trained_root)
    found = ablate(only(trained_root), given["session1"], fold_embeddings=given)
    written = read_run(only(trained_root)).predictions
    expected = [
        np.mean(
            [
                ccc(written.truth[rows, k], written.predicted[rows, k])
                for rows in (written.fold == fold for fold in FOLDS)
            ]
        )
        for k in range(3)
    ]
    assert found.figures["audio and text"] == pytest.approx(expected, abs=1e-5)


def test_the_linter_checks_the_embeddings_of_each_fold(trained_root, root):
    words = ("lint", only(trained_root), "--json", "--cache")
    clean = call(*words, root / "cache")
    assert clean.exit_code == 0, clean.output
    (results,) = json.loads(clean.stdout).values()
    status = {r["rule"]: r["status"] for r in results}
    rules = ("projections", "predictions", "selection", "encoders")
    # validation speakers have been heard
    assert [status[r] for r in rules] == ["ok", "ok", "ok", "note"]
    shutil.rmtree(root / "cache")
    run = root / "finetuned" / NAME
    tuned_encoders.write_caches(root / "cache", run, swapped=("session2", "session4"))
    leak = call(*words, root / "cache")
    assert leak.exit_code == 1
    (results,) = json.loads(leak.stdout).values()
    (found,) = [r["findings"] for r in results if r["rule"] == "predictions"]
    named = {re.search(r"fold '(\w+)'", f["text"])[1] for f in found}
    assert named == {"session2", "session4"}


def test_a_run_with_fold_specific_embeddings_is_calibrated(trained_root, tmp_path):
    shutil.copytree(only(trained_root), tmp_path / "run")
    done = call("calibrate", tmp_path / "run", "--level", 0.8)
    assert done.exit_code == 0, done.output
    words = (
        "predict",
        tmp_path / "run",
        "--cache",
        trained_root / "cache",
        "--calibrated",
    )
    done = call(*words, "--threads", 1)
    assert done.exit_code == 0, done.output
    assert "valence_low" in done.stdout.splitlines()[0]


def test_a_sweep_searches_on_the_embeddings_of_each_fold(root):
    own_ = ("--finetuned", root / "finetuned" / NAME, "--protocol", "loso")
    words = ("--fusion", "text", "--grid", "latent=2,4", "--sweeps", root / "sweeps")
    done = call("sweep", *own_, *where(root), "--seeds", 1, *SMALL, *words)
    assert done.exit_code == 0, done.output
    line = done.stdout.splitlines()[-1].removeprefix("next: ")
    params = cli.train.make_context("train", shlex.split(line)[3:]).params
    assert params["finetuned"] == root / "finetuned" / NAME


def test_a_checkpoint_that_is_none_of_a_fold_tells_nothing(tmp_path):
    assert (
        fold_encoders.told(tuned_encoders.checkpoint(tmp_path / "a" / "text", b"", []))
        == {}
    )
    assert fold_encoders.name(learnable_corpus.recipe("text")) == "tiny"


def test_corpora_that_share_encoders_are_distinguished(root):
    run = root / "finetuned" / NAME
    for fold in FOLDS:
        for each in tuned_encoders.embeddings(run, fold, corpus="new").values():
            planted_leaks.write_part(root / "cache", each)
    with pytest.raises(ValueError, match="new, toy were encoded with these encoders"):
        fold_caches.choose(run, root / "cache", named={}, modalities=["text"])
    found = fold_caches.choose(
        run, root / "cache", corpus="new", named={}, modalities=["text"]
    )
    corpora = {cache.recipe.corpus for each in found.values() for cache in each["text"]}
    assert corpora == {"new"}


def add_frozen(root, checkpoint):
    """Write an audio cache of a frozen encoder, which all folds share."""
    plain = learnable_corpus.embeddings(count=COUNT)["audio"]
    recipe = dataclasses.replace(plain.recipe, checkpoint=checkpoint, head=())
    frozen = dataclasses.replace(plain, recipe=recipe, head=None)
    planted_leaks.write_part(root / "cache", frozen)
    return frozen


@pytest.mark.parametrize("checkpoint", ["acoustic", "zulu"])
def test_a_frozen_encoder_is_joined_to_the_fine_tuned_one(root, checkpoint):
    frozen = add_frozen(root, checkpoint)
    for names in (("audio", checkpoint), (checkpoint, "audio")):
        typed = [word for name in names for word in ("--audio", name)]
        done = fit(root, "--fusion", "audio", *typed)
        assert done.exit_code == 0, done.output
    run = only(root)  # the order of the names does not matter
    expected = sorted(["audio", checkpoint])
    for fold, trained in prediction.recipes(run).items():
        parts = trained["audio"].parts
        assert [part.checkpoint for part in parts] == expected
        names = [fold_encoders.name(part) for part in parts]
        assert names[expected.index("audio")] == f"{NAME}/{fold}/audio"
    features = {
        fold: {"audio": join(sorted([e["audio"], frozen], key=by_checkpoint))}
        for fold, e in own(root).items()
    }
    applied = prediction.predict(run, features["session1"], fold_embeddings=features)
    rows = [applied.ids.index(id_) for id_ in read_run(run).predictions.id]
    folds = [applied.folds.index(fold) for fold in read_run(run).predictions.fold]
    np.testing.assert_allclose(
        applied.by_model[folds, rows], read_run(run).predictions.predicted, atol=1e-5
    )
    for command in ("predict", "lint"):
        again = call(command, run, "--cache", root / "cache")
        assert again.exit_code == 0, again.output


def by_checkpoint(embeddings):
    return embeddings.recipe.checkpoint


def test_no_fold_is_trained_without_its_fine_tuned_encoder(root):
    frozen = add_frozen(root, "acoustic")
    recipe = own(root)["session3"]["audio"].recipe
    shutil.rmtree(root / "cache" / recipe.corpus / recipe.folder())
    failed = fit(root, "--fusion", "audio", "--audio", "acoustic", "--audio", "audio")
    sentence = error_sentence(failed)
    assert "are not extracted yet with their fold-specific encoders" in sentence
    assert "session3/audio" in sentence
    assert "session2/audio" not in sentence
    assert frozen.recipe.digest() not in sentence


@pytest.mark.parametrize("name", ["acoustic", "audio"])
def test_one_cache_is_not_joined_to_itself_in_any_fold(root, name):
    add_frozen(root, "acoustic")
    failed = fit(root, "--fusion", "audio", "--audio", name, "--audio", name)
    assert "name the same cache" in error_sentence(failed, status=2)
