import dataclasses
import shlex
from pathlib import Path

import numpy as np
import pytest
from cli_calls import call, error_sentence
from learnable_corpus import corpus, embeddings
from small_caches import remove_from_manifests
from swept_runs import BASE, make_plan, run_sweep
from trained_runs import file_contents

from affuse import cli
from affuse.data.errors import AffuseError
from affuse.fuse import experiment_files as options
from affuse.fuse.seeds import derive_seed
from affuse.fuse.settings import Settings
from affuse.fuse.sweep import ranking, trials
from affuse.fuse.sweep.search_space import Range, candidates
from affuse.fuse.sweep.trials import Trial, TrialOutcome
from affuse.fuse.training.fitting import fit

# what is tried


def test_a_grid_is_every_combination_in_order():
    tried = candidates(Settings(), grid=["latent=64,128", "loss=ccc,mse,ccc"])
    assert [(s.latent, s.loss) for s in tried] == [
        (64, "ccc"),
        (64, "mse"),
        (128, "ccc"),
        (128, "mse"),
    ]
    together = candidates(Settings(), grid=["loss=mse", "batch=8"])  # not ccc with 8
    assert (together[0].loss, together[0].batch) == ("mse", 8)


def test_draws_lie_in_their_ranges_and_repeat_with_the_seed():
    space = ["learning_rate=1e-4:1e-2:log", "latent=16:128:log", "dropout=0:0.5"]
    one = candidates(Settings(), grid=["loss=ccc,mse"], space=space, draws=200, seed=3)
    assert len(one) == 200
    rates = np.array([s.learning_rate for s in one])
    assert (rates >= 1e-4).all()
    assert (rates <= 1e-2).all()
    assert 0.4 < (rates < 1e-3).mean() < 0.6  # evenly in the logarithm
    assert {type(s.latent) for s in one} == {int}
    assert min(s.latent for s in one) >= 16
    assert max(s.latent for s in one) <= 128
    assert 0.4 < np.mean([s.dropout < 0.25 for s in one]) < 0.6
    assert {s.loss for s in one} == {"ccc", "mse"}
    again = {"grid": ["loss=ccc,mse"], "space": space}
    assert candidates(Settings(), **again, draws=50, seed=3) == one[:50]
    assert candidates(Settings(), **again, draws=200, seed=4) != one


def test_rounding_never_leaves_the_range():
    rng = np.random.default_rng(0)
    narrow = Range(0.123451, 0.123452, log=False, is_integer=False)
    assert 0.123451 <= narrow.draw(rng) <= 0.123452
    assert {Range(1, 3, log=True, is_integer=True).draw(rng) for _ in range(99)} == {
        1,
        2,
        3,
    }


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({}, "nothing to search"),
        ({"grid": ["latent"]}, "'latent' names no values"),
        ({"grid": ["latnet=1,2"]}, "unknown setting latnet; known are protocol"),
        ({"grid": ["latent=64,big"]}, "latent=big: latent must be of type int"),
        ({"grid": ["latent=1,2", "latent=3"]}, "latent is named twice"),
        ({"grid": ["protocol=loso,session5"]}, "protocol decides which rows are sc"),
        ({"grid": ["loss=mse,ccc", "batch=8"]}, "loss=ccc, batch=8: .* biased low"),
        ({"space": ["latent=8:64"]}, "give a number of draws: --random 20"),
        ({"space": ["loss=1:2"], "draws": 1}, "loss is not a number"),
        ({"space": ["latent=64:8"], "draws": 1}, "LOW below HIGH"),
        ({"space": ["latent=8"], "draws": 1}, "must be latent=LOW:HIGH"),
        ({"space": ["dropout=0:0.5:log"], "draws": 1}, "above 0 for log"),
        ({"space": ["dropout=0:2"], "draws": 1}, r"both in \[0, 0.95\]"),
        ({"space": ["latent=8:9:ln"], "draws": 1}, "LOW:HIGH:log"),
        (
            {"space": ["latent=8:9"], "grid": ["latent=8"], "draws": 1},
            "latent is in --grid and in --space",
        ),
        ({"grid": [f"{n}=" + ",".join("123456789") for n in
                   ("latent", "hidden", "epochs", "patience", "batch")]},
         "59,049 settings are more than 10,000"),
    ],
)  # fmt: skip
def test_invalid_searches_are_refused(found, sentence):
    with pytest.raises(ValueError, match=sentence):
        candidates(Settings(), **found)


# what comes of it


def test_the_planted_best_settings_are_found_and_can_be_trained(tmp_path):
    said = []
    folder = run_sweep(
        tmp_path,
        seeds=[0, 1],
        said=said,
        cache=Path("my cache"),
        device="auto",
        allow=("sentences",),
    )
    lines = (folder / "ranking.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("rank,dropout,learning_rate,valence,arousal,dominance,")
    assert lines[1].startswith("1,0.0,0.02,")
    scores = [float(line.split(",")[6]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 4
    best = options.load(folder / "best.toml")
    protocol = "session5-strict"
    expected = {"learning_rate": 0.02, "dropout": 0.0, "protocol": protocol}
    assert best == dataclasses.replace(BASE, **expected)
    best = (folder / "best.toml").read_text()
    assert "# best of 4 combinations of settings tried" in best
    assert said[-1].startswith("next: ")
    words = shlex.split(said[-1].removeprefix("next: "))
    assert words[:3] == ["python", "cli.py", "train"]
    parsed = cli.train.make_context("train", words[3:]).params
    assert parsed["experiment"] == str(folder / "best.toml")
    assert (parsed["designs"], parsed["seeds"], parsed["seed"]) == (("text",), 2, 0)
    assert (parsed["cache"], parsed["allow"]) == (Path("my cache"), ("sentences",))


def test_scores_equal_those_of_ordinary_training(tmp_path):
    plan = make_plan(tmp_path, protocol="loso")
    folder = run_sweep(tmp_path, plan, grid=["latent=8"], seeds=[3])
    (outcome,) = trials.outcomes(folder)
    assert list(outcome.scores) == [f"session{k}" for k in range(1, 6)]
    fold = plan.folds[2]
    fitted = fit(
        plan.rows(fold.name, fold.train),
        plan.rows(fold.name, fold.validation),
        fusion="text",
        settings=outcome.trial.settings,
        seed=derive_seed(3, fold.name),
    )
    assert np.mean(outcome.scores[fold.name]) == pytest.approx(fitted.score)


def test_an_interrupted_sweep_resumes(tmp_path, monkeypatch):
    original, asked = trials.fit_any_kind, []

    def interrupted(jobs):
        asked.append(len(jobs))
        for done, found in enumerate(original(jobs)):
            if len(asked) == 1 and done == 3:
                raise KeyboardInterrupt
            yield found

    monkeypatch.setattr(trials, "fit_any_kind", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(tmp_path / "a", seeds=[0, 1])
    assert len(list((tmp_path / "a" / "sweeps").glob("*/trials/*.json"))) == 3
    one = run_sweep(tmp_path / "a", seeds=[0, 1])
    assert asked == [8, 5]
    whole = run_sweep(tmp_path / "b", seeds=[0, 1])
    assert file_contents(one) == file_contents(whole)
    monkeypatch.setattr(trials, "fit_any_kind", None)  # would raise if it were called
    assert file_contents(run_sweep(tmp_path / "a", seeds=[0, 1])) == file_contents(
        whole
    )


def test_later_searches_add_to_the_ranking(tmp_path):
    said = []
    first = run_sweep(tmp_path, grid=["latent=4", "learning_rate=0.02"])
    assert run_sweep(tmp_path, grid=["latent=8,16"], said=said) == first
    assert len(ranking.rank(trials.outcomes(first), [0])) == 3
    assert any("best of 3 combinations" in line for line in said)
    assert ranking.rank(trials.outcomes(first), [0, 1]) == ()


def test_poisoned_test_rows_change_nothing(tmp_path):
    folders = []
    for name, bad in (("a", 2.0), ("b", 4.5)):
        found, caches = corpus(), embeddings()
        test = [u.session == "5" for u in found.utterances]
        utterances = tuple(
            dataclasses.replace(u, ratings=dict.fromkeys(u.ratings, bad)) if out else u
            for u, out in zip(found.utterances, test, strict=True)
        )
        caches["text"].values[test] = bad
        found = dataclasses.replace(found, utterances=utterances)
        plan = make_plan(tmp_path, found=found, caches=caches)
        folders.append(run_sweep(tmp_path / name, plan))
    assert folders[0].name == folders[1].name
    assert file_contents(folders[0]) == file_contents(folders[1])


def test_other_training_ratings_are_another_sweep(tmp_path):
    released = list(corpus().utterances)
    ratings = {**released[0].ratings, "valence": 1.5}
    released[0] = dataclasses.replace(released[0], ratings=ratings)
    other = dataclasses.replace(corpus(), utterances=tuple(released))
    places = {
        trials.sweep_folder(make_plan(tmp_path, **changes), tmp_path)
        for changes in (
            {},
            {"found": other},
            {"protocol": "loso"},
            {"fusion": "early"},
            {"latent": 16},  # the same sweep as the first
        )
    }
    assert len(places) == 4


def test_test_parts_are_never_read(tmp_path, monkeypatch):
    original, asked = trials.fit_any_kind, set()
    ids = make_plan(tmp_path).common.ids

    def watched(jobs):
        for job in jobs:
            asked.update(ids[row] for row in (*job.train, *job.validation))
        return original(jobs)

    monkeypatch.setattr(trials, "fit_any_kind", watched)
    plan = make_plan(tmp_path)
    said = []
    run_sweep(tmp_path, plan, grid=["latent=8"], said=said)
    assert asked == {*plan.folds[0].train, *plan.folds[0].validation}
    assert not any("depend on test ratings" in line for line in said)
    run_sweep(
        tmp_path, make_plan(tmp_path, protocol="loso"), grid=["latent=8"], said=said
    )
    assert any("in protocol loso, test utterances of one fold" in line for line in said)


def test_diverging_settings_are_ranked_last(tmp_path):
    original = trials.fit_any_kind

    def diverging(jobs):
        for number, found in original(jobs):
            failed = jobs[number].settings.latent == 4
            yield number, AffuseError("the loss is not finite") if failed else found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trials, "fit_any_kind", diverging)
        said = []
        folder = run_sweep(tmp_path, grid=["latent=4,8"], said=said)
        lines = (folder / "ranking.csv").read_text(encoding="utf-8").splitlines()
        assert lines[1].startswith("1,8,")
        assert lines[2] == "2,4,,,,,,the loss is not finite"
        assert any(line.split()[-2:] == ["failed", "1"] for line in said)
        with pytest.raises(ValueError, match="every setting failed; the first: the lo"):
            run_sweep(tmp_path / "all", grid=["latent=4"])


def test_a_damaged_trial_is_named(tmp_path):
    folder = run_sweep(tmp_path, grid=["latent=8"])
    (path,) = (folder / "trials").glob("*.json")
    remove_from_manifests(path)
    path.write_text(path.read_text().replace('"latent"', '"latnet"'))
    with pytest.raises(ValueError, match=f"{path.name} is no trial of this version"):
        run_sweep(tmp_path, grid=["latent=8"])


def test_the_mean_is_over_folds_and_seeds_and_the_deviation_over_seeds():
    settings = Settings()
    found = [
        TrialOutcome(Trial(settings, 0), {"a": (0.1, 0.3), "b": (0.2, 0.4)}),
        TrialOutcome(Trial(settings, 1), {"a": (0.5, 0.7), "b": (0.6, 0.8)}),
        TrialOutcome(
            Trial(dataclasses.replace(settings, latent=8), 0), {"a": (1.0, 1.0)}
        ),
    ]
    (one,) = ranking.rank(found, [0, 1])
    assert one.ratings == pytest.approx((0.35, 0.55))
    assert (one.score, one.deviation) == pytest.approx((0.45, 0.2))


def test_the_command_line_reports_errors_in_a_sentence(tmp_path):
    words = ("sweep", "--fusion", "text", "--cache", tmp_path, "--sweeps", tmp_path)
    assert "nothing to search" in error_sentence(call(*words), status=2)
    assert "no embeddings below" in error_sentence(
        call(*words, "--grid", "latent=8,16")
    )
    ridge = ("sweep", "--fusion", "ridge", "--grid", "latent=8")
    assert "ridge has no settings to search" in error_sentence(call(*ridge), status=2)
    assert call(*words, "--random", 0).exit_code == 2
