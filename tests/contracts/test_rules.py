import dataclasses
import json
import shutil
from types import SimpleNamespace

import numpy as np
import planted_leaks
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from planted_leaks import COUNT, PLANTS, Case, corpus, embeddings, train_run
from small_caches import remove_from_manifests

from affuse import cli
from affuse.data.cache import training_data
from affuse.data.cache.recording_spans import SILENT
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.sentence_overlap import read_sentences
from affuse.data.splits.protocols import PROTOCOLS
from affuse.fuse.linting import checkpoint_records, linter, overlap
from affuse.fuse.linting import evidence as _evidence
from affuse.fuse.linting.evidence import CACHE, CORPUS
from affuse.fuse.linting.gathering import gather_finished_run
from affuse.fuse.linting.rules import ratings
from affuse.fuse.models.baselines import FITTED
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.training import run_plan
from affuse.fuse.training.training_request import TrainingData

FOLDER_ALONE = {"divergence", "encoders", "ids", "sentences", "speakers", "utterances"}


@pytest.fixture(scope="module")
def clean_case(tmp_path_factory):
    """Run and its cache, which no test may change."""
    return planted_leaks.make_case(tmp_path_factory.mktemp("lint"))


@pytest.fixture
def case(clean_case, tmp_path):
    """Copy of the run and its cache, which a test may change."""
    return planted_leaks.copy_case(clean_case, tmp_path)


def results_of(case, chosen=None):
    """Return {rule: result} for the files of a case."""
    results = linter.apply_rules(
        gather_finished_run(case.run, case.cache), chosen or linter.rule_names()
    )
    return {result.rule: result for result in results}


def statuses(case):
    return {rule: result.status for rule, result in results_of(case).items()}


def call(*words):
    return CliRunner().invoke(cli.main, ["lint", *map(str, words)])


@pytest.mark.parametrize(("kept_bytes", "times"), [(_evidence.MEMORY_LIMIT, 1), (0, 5)])
def test_small_models_are_read_once(clean_case, monkeypatch, kept_bytes, times):
    monkeypatch.setattr(_evidence, "MEMORY_LIMIT", kept_bytes)
    read, load = [], _evidence.model_files.load
    monkeypatch.setattr(
        _evidence.model_files,
        "load",
        lambda folder: [read.append(folder), load(folder)][1],
    )
    every = linter.apply_rules(
        gather_finished_run(clean_case.run, clean_case.cache), linter.rule_names()
    )
    assert not any(result.fails or result.skipped for result in every)
    assert read
    assert {read.count(folder) for folder in read} == {times}


@pytest.mark.parametrize("rule", linter.rule_names())
def test_every_rule_has_a_planted_leak(rule):
    assert PLANTS.get(rule), (
        f"plant a leak for '{rule}' in tests/support/planted_leaks.py"
    )


@pytest.mark.parametrize(
    ("rule", "leak", "said"),
    [(rule, *planted) for rule, each in PLANTS.items() for planted in each],
)
def test_a_planted_leak_fails_its_rule(case, rule, leak, said):
    leak(case)
    result = results_of(case, [rule])[rule]
    fatal = [finding.text for finding in result.findings if finding.fatal]
    assert result.status == "FAILS"
    with pytest.raises(ValueError, match=said):
        raise ValueError("\n".join(fatal))


@pytest.mark.parametrize(
    "changes",
    [
        {"u000": {"samples": SILENT}, "u004": {"samples": SILENT}},
        {
            "u000": {**planted_leaks.SPAN, "begin": 2.45, "end": 9.0},
            "u004": planted_leaks.SPAN,
        },
        {
            "u000": {**planted_leaks.SPAN, "begin": 0.0, "end": 0.5},
            "u004": planted_leaks.SPAN,
        },
        {
            "u009": {**planted_leaks.SPAN, "begin": 1.0, "end": 9.0},
            "u004": planted_leaks.SPAN,
        },
    ],
)
def test_short_overlaps_and_stretches_within_one_part_are_no_leak(case, changes):
    planted_leaks.change_stretches(**changes)(case)
    assert results_of(case, ["recordings"])["recordings"].status == "ok"


@pytest.mark.parametrize(
    ("stretches", "said"),
    [
        ((), "so only files were"),
        (planted_leaks.stretches(False), "files and spans were"),
    ],
)
def test_recordings_of_an_older_cache_are_compared_by_files_with_a_note(
    case, stretches, said
):
    audio = dataclasses.replace(embeddings()["audio"], stretches=stretches)
    planted_leaks.write_part(case.cache, audio)
    result = results_of(case, ["recordings"])["recordings"]
    assert result.status == "note"
    assert "of 150 utterances" in result.findings[0].text
    assert said in result.findings[0].text
    digests = [audio.contents[0 if row == 4 else row] for row in range(COUNT)]
    planted_leaks.write_part(
        case.cache, dataclasses.replace(audio, contents=tuple(digests))
    )
    assert results_of(case, ["recordings"])["recordings"].fails


def test_principal_axes_of_other_rows_fail_the_rule_projections(tmp_path):
    run = Case(train_run(tmp_path / "runs", reduce="pca"), tmp_path / "cache")
    planted_leaks.write_cache(run.cache)
    assert results_of(run, ["projections"])["projections"].status == "ok"

    def turn(state):
        rotation = state["projections.audio.rotation"]
        angle = torch.tensor(0.1)
        turned = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()])
        rotation[:, :2] = rotation[:, :2] @ turned.reshape(2, 2)

    planted_leaks.edit_state(run, turn)
    (finding,) = results_of(run, ["projections"])["projections"].findings
    assert "principal axes of audio are not those of the 90 training rows" in (
        finding.text
    )


@pytest.mark.parametrize("fusion", design_names())
def test_a_clean_run_passes(clean_case, tmp_path, fusion):
    run = Case(train_run(tmp_path, fusion), clean_case.cache)
    expected = {**dict.fromkeys(linter.rule_names(), "ok"), "sentences": "note"}
    if fusion == "text":
        expected["recordings"] = "skipped"  # the design takes no speech
    expected["divergence"] = statuses(run)["divergence"]
    assert expected["divergence"] != "FAILS"  # after three epochs, some are constant
    assert statuses(run) == expected
    now = json.loads((run.run / RunFolder.leaks).read_text(encoding="utf-8"))
    assert {rule: facts["status"] for rule, facts in now.items()} == {
        **expected,
        "recordings": "ok",
    }


@pytest.mark.parametrize("protocol", ["session5", "loso", "speakers"])
def test_a_clean_run_passes_with_every_protocol(clean_case, tmp_path, protocol):
    run = Case(train_run(tmp_path, "ridge", protocol=protocol), clean_case.cache)
    assert "FAILS" not in statuses(run).values()


@pytest.mark.parametrize(
    "changes", [{"reduce": "none"}, {"training": "pretrain", "pretrain_epochs": 2}]
)
def test_a_clean_run_passes_with_other_settings(clean_case, tmp_path, changes):
    run = Case(train_run(tmp_path, "late", **changes), clean_case.cache)
    assert "FAILS" not in statuses(run).values()


def poisoned():
    """Embeddings and ratings with wrong values outside the training rows."""
    wrong, caches = corpus(), embeddings()
    outside = np.array([u.session in "45" for u in wrong.utterances])
    for cache in caches.values():
        cache.values[outside] = 1e3 - 3 * cache.values[outside]
    turned = [
        dataclasses.replace(u, ratings={n: 6 - v for n, v in u.ratings.items()})
        if out
        else u
        for u, out in zip(wrong.utterances, outside, strict=True)
    ]
    return dataclasses.replace(wrong, utterances=tuple(turned)), caches


@pytest.mark.parametrize("fusion", sorted(set(design_names()) - {"zeroshot"}))
def test_rows_outside_training_change_no_fitted_parameter(tmp_path, fusion):
    # one epoch, so that nothing is selected on validation
    wrong, caches = poisoned()
    states = []
    # predictions for these test utterances are far outside the scale
    poison = {"found": wrong, "caches": caches, "allow": ["divergence"]}
    for name, given in (("a", {}), ("b", poison)):
        run = Case(train_run(tmp_path / name, fusion, epochs=1, **given), tmp_path)
        path = run.unit / "model.safetensors"
        states.append(safetensors.torch.load(path.read_bytes()))
    clean, dirty = states
    assert clean.keys() == dirty.keys()
    for name, values in clean.items():
        # except values of baselines that validation selects: penalties, components
        if fusion not in FITTED or name.endswith(("mean", "scale")):
            assert torch.equal(values, dirty[name]), name


def test_a_rule_that_fails_before_training_leaves_no_run_folder(tmp_path):
    caches = embeddings(seen=[{"corpus": "toy", "speakers": ["5M"]}])
    with pytest.raises(linter.Leak, match="encoders: FAILS") as error:
        train_run(tmp_path, caches=caches)
    assert "nothing was trained" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_rule_that_is_allowed_to_fail_is_recorded(tmp_path, caplog):
    caches = embeddings(seen=[{"corpus": "toy", "speakers": ["5M"]}])
    folder = train_run(tmp_path, caches=caches, allow=["encoders"])
    facts = json.loads((folder / RunFolder.leaks).read_text(encoding="utf-8"))[
        "encoders"
    ]
    assert (facts["status"], facts["allowed"]) == ("FAILS", True)
    assert "has seen toy" in caplog.text
    with pytest.raises(ValueError, match="no rule 'encoder': choose from dialogues"):
        train_run(tmp_path, allow=["encoder"])


def test_encoders_trained_on_other_speakers_pass(tmp_path):
    caches = embeddings(seen=[{"corpus": "toy", "speakers": ["1F", "2M"]}])
    assert train_run(tmp_path, caches=caches).is_dir()


def test_a_note_names_recorded_speakers_that_the_corpus_lacks(tmp_path, caplog):
    record = {"corpus": "toy", "speakers": ["1F", "Nobody"], "splits": ["none"]}
    folder = train_run(tmp_path, caches=embeddings(seen=[record]))
    said = "but 1 speaker in its record is not in this corpus: Nobody; the corpus"
    assert said in caplog.text
    assert caplog.text.count(said) == 2  # once for audio, once for text
    assert "split in its record" not in caplog.text  # speakers decide instead of splits
    facts = json.loads((folder / RunFolder.leaks).read_text(encoding="utf-8"))[
        "encoders"
    ]
    assert facts["status"] == "note"
    assert said in facts["findings"][0]["text"]


def test_a_note_names_recorded_splits_that_the_corpus_lacks(tmp_path, caplog):
    caches = embeddings(seen=[{"corpus": "toy", "splits": ["Test1"]}])
    train_run(tmp_path, caches=caches)
    assert (
        "1 split in its record is not in this corpus: Test1; the corpus has none"
        in caplog.text
    )


def test_a_note_says_that_a_recorded_corpus_may_be_this_one(tmp_path, caplog):
    origin = {"run": "r", "fold": "f", "files": "0"}
    old = {"corpus": "other", "how": "fine-tuned on its ratings"}
    train_run(tmp_path / "a", caches=embeddings(seen=[old], finetuned=origin))
    assert (
        "under another name, which cannot be checked, because an older version"
        in caplog.text
    )
    caplog.clear()
    told = {**old, "sample": ["f" * 12]}
    train_run(tmp_path / "b", caches=embeddings(seen=[told], finetuned=origin))
    assert "has seen" not in caplog.text
    few = {**old, "sample": [planted_leaks.content(1)[:12], *"abcdefghijkl"]}
    train_run(tmp_path / "c", caches=embeddings(seen=[few]))
    assert "1 of the 13 inputs in its record is in 'toy' too" in caplog.text


def test_records_that_finetune_copied_have_no_note(tmp_path, caplog):
    own = {"corpus": "other", "how": training_data.TUNED, "sample": ["f" * 12]}
    cards = [*training_data.KNOWN["mini"], *training_data.KNOWN["vad-bert"]]
    base = [*map(dataclasses.asdict, cards), {"corpus": "third", "how": "by hand"}]
    origin = {"run": "r", "fold": "f", "files": "0"}
    train_run(tmp_path / "a", caches=embeddings(seen=[own, *base], finetuned=origin))
    assert "cannot be checked" not in caplog.text
    older = {"corpus": "other", "how": training_data.TUNED}  # an earlier fine-tuning
    train_run(
        tmp_path / "b", caches=embeddings(seen=[own, older, *base], finetuned=origin)
    )
    assert caplog.text.count("cannot be checked, because an older version") == 2


def with_record(modality, record):
    """Return embeddings; the encoder of one modality has a training record."""
    return {**embeddings(), modality: embeddings(seen=[record])[modality]}


@pytest.mark.parametrize(
    ("modality", "rows", "fails"),
    [
        ("audio", [4], True),
        ("audio", [1], False),  # a recording of the training part
        ("text", [4, 9], False),  # two of 30 test texts
        ("text", [4, 9, 14], True),
        ("text", [1, 2, 6, 7], False),
    ],
)
def test_test_inputs_in_the_sample_of_a_record_are_a_leak(
    tmp_path, caplog, modality, rows, fails
):
    sample = [planted_leaks.content(row)[:12] for row in rows]
    record = {
        "corpus": "other",
        "reader": "manifest",
        "sample": sample + [f"f{row:011x}" for row in range(100)],
    }
    caches = with_record(modality, record)
    if fails:
        noun = {"audio": "recordings", "text": "texts"}[modality]
        said = f"including the {noun} of {len(rows)} utterance.* of the test part"
        with pytest.raises(linter.Leak, match=said):
            train_run(tmp_path, caches=caches)
    else:
        train_run(tmp_path, caches=caches)
        assert (
            f"{len(rows)} of the {100 + len(rows)} inputs in its record" in caplog.text
        )


def test_a_single_equal_text_does_not_count(tmp_path):
    ids = ["u004", "u009"]
    evidence = SimpleNamespace(
        contents={"text": {"u004": "a" * 32, "u009": "b" * 32}}, stretches={}
    )
    one, both = (
        training_data.TrainingRecord("x", sample=s)
        for s in (("a" * 12,), ("a" * 12, "b" * 12))
    )
    assert checkpoint_records.find_sampled(evidence, one, "text", ids) == []
    assert checkpoint_records.find_sampled(evidence, both, "text", ids) == ids


def test_silent_recordings_do_not_count_as_equal(tmp_path):
    audio = embeddings()["audio"]
    silent = dataclasses.replace(audio.stretches[4], samples=SILENT)
    sample = (planted_leaks.content(4)[:12], SILENT[:12], "f" * 12)
    evidence = SimpleNamespace(
        contents={"audio": dict(zip(audio.ids, audio.contents, strict=True))},
        stretches={"u004": silent, "u009": audio.stretches[9]},
    )
    record = training_data.TrainingRecord(
        "other", sample=(*sample, f"a{planted_leaks.content(9)[1:12]}")
    )
    assert checkpoint_records.find_sampled(
        evidence, record, "audio", ["u004", "u009"]
    ) == ["u009"]


def test_equal_texts_of_other_speakers_are_no_leak(tmp_path):
    texts = [planted_leaks.content(row)[:12] for row in range(4, COUNT, 5)]
    record = {"corpus": "toy", "speakers": ["1F"], "sample": texts}
    assert train_run(tmp_path / "a", caches=with_record("text", record)).is_dir()
    record["speakers"] = ["Nobody"]
    with pytest.raises(linter.Leak, match="including the texts of 30 utterances"):
        train_run(tmp_path / "b", caches=with_record("text", record))


def test_an_encoder_trained_on_validation_speakers_is_a_note(tmp_path):
    caches = embeddings(seen=[{"corpus": "toy", "speakers": ["4F"]}])
    folder = train_run(tmp_path, caches=caches)
    facts = json.loads((folder / RunFolder.leaks).read_text(encoding="utf-8"))[
        "encoders"
    ]
    assert facts["status"] == "note"
    assert "validation part of fold 'session5'" in facts["findings"][0]["text"]


@pytest.mark.parametrize(
    ("splits", "fails"),
    [(["train"], False), (["test"], True), (["Test1"], True), (["Training"], False)],
)
def test_an_encoder_trained_on_the_test_split_fails(tmp_path, splits, fails):
    whole = corpus()
    divided = [
        dataclasses.replace(u, split="test" if u.session == "5" else "train")
        for u in whole.utterances
    ]
    given = {
        "found": dataclasses.replace(whole, utterances=tuple(divided)),
        "caches": embeddings(seen=[{"corpus": "toy", "splits": splits}]),
        "protocol": "official",
    }
    if fails:
        with pytest.raises(linter.Leak, match="30 utterances"):
            train_run(tmp_path, **given)
    else:
        assert train_run(tmp_path, **given).is_dir()


@pytest.mark.parametrize(
    ("splits", "said", "fails"),
    [
        ({"1": "train", "4": "dev", "5": "train"}, "of the test part", True),
        ({"1": "train", "4": "dev", "5": "dev"}, "of the test part", True),
        ({"1": "train", "4": "dev", "5": "test"}, "of the validation part", False),
        ({"1": "test2", "4": "test2", "5": "test"}, "", False),
    ],
)
@pytest.mark.parametrize("name", ["clips", "msp-podcast-1.11"])
def test_the_papers_speech_encoder_has_seen_msp_podcast_under_any_name(
    tmp_path, splits, said, fails, name
):
    whole = dataclasses.replace(corpus(), name=name, reader="msp_podcast")
    divided = tuple(
        dataclasses.replace(u, split=splits.get(u.session, splits["1"]))
        for u in whole.utterances
    )
    caches = {
        modality: dataclasses.replace(
            each,
            recipe=dataclasses.replace(
                each.recipe,
                corpus=name,
                checkpoint="audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
                if modality == "audio"
                else "tiny",
            ),
        )
        for modality, each in embeddings().items()
    }
    given = {
        "found": dataclasses.replace(whole, utterances=divided),
        "caches": caches,
        "protocol": "session5-strict",
    }
    if fails:
        with pytest.raises(linter.Leak, match=f"has seen MSP-Podcast.*{said}"):
            train_run(tmp_path, "ridge", **given)
        return
    folder = train_run(tmp_path, "ridge", **given)
    facts = json.loads((folder / RunFolder.leaks).read_text(encoding="utf-8"))
    texts = [finding["text"] for finding in facts["encoders"]["findings"]]
    seen = [text for text in texts if "including" in text]
    assert [said in text for text in seen] == ([True] if said else [])


def test_a_leak_after_training_is_an_error_and_the_run_is_kept(case):
    again = run_plan.plan_run(
        TrainingData(corpus(), embeddings()),
        fusion="early",
        settings=planted_leaks.QUICK,
        runs=case.run.parent,
        device="cpu",
        label="",
    )
    assert again.folder == case.run
    linter.check_runs([again], corpus(), embeddings())
    planted_leaks.predict_the_truth(case)
    with pytest.raises(linter.Leak, match="predictions: FAILS") as error:
        linter.check_runs([again], corpus(), embeddings())
    said = str(error.value)
    assert f"{case.run.name}\n  predictions: FAILS" in said
    assert said.endswith(
        "must not be reported; if this is intended, add --allow predictions"
    )
    assert (case.run / "predictions.csv").is_file()
    facts = json.loads((case.run / RunFolder.leaks).read_text(encoding="utf-8"))
    assert facts["predictions"]["status"] == "FAILS"


def test_sentence_overlap_is_counted_and_new_sentences_are_scored(clean_case):
    seen = read_sentences(clean_case.run)
    assert len(seen) == COUNT // 5
    assert sum(seen.values()) == 12
    assert seen["session5", "u004"]  # u121 of session 2 has the same sentence
    assert not seen["session5", "u044"]
    (finding,) = results_of(clean_case)["sentences"].findings
    assert not finding.fatal
    assert "12 of 30 test utterances" in finding.text
    assert "CCC on all and on new sentences: valence" in finding.text


def test_sentence_overlap_fails_if_the_protocol_guarantees_new_sentences(
    clean_case, monkeypatch
):
    strict = {"session5-strict": {"sentence": overlap.ALL_PAIRS}}
    monkeypatch.setattr(overlap, "GUARANTEES", strict)
    assert results_of(clean_case)["sentences"].fails


def test_an_overlap_that_the_protocol_allows_is_a_note(clean_case, monkeypatch, case):
    planted_leaks.move_to_training()(case)
    monkeypatch.setattr(overlap, "GUARANTEES", {"session5-strict": {}})
    result = results_of(case)["speakers"]
    assert result.status == "note"
    assert "does not guarantee separate speakers" in result.findings[0].text


def test_every_protocol_has_guarantees():
    assert set(overlap.GUARANTEES) == set(PROTOCOLS)


def test_without_a_cache_only_rules_on_the_run_folder_apply(clean_case, tmp_path):
    results = results_of(Case(clean_case.run, tmp_path))
    applied = {rule for rule, result in results.items() if not result.skipped}
    assert applied == FOLDER_ALONE
    assert "corpus.json not found" in results["ratings"].skipped
    assert "is missing or incomplete" in results["projections"].skipped


def test_rules_on_results_are_skipped_for_an_interrupted_run(case):
    (case.run / "predictions.csv").unlink()
    results = results_of(case)
    assert results["ids"].skipped == "its training was interrupted"
    assert results["speakers"].status == "ok"


def test_equal_columns_of_ratings_are_a_note(clean_case):
    evidence = gather_finished_run(clean_case.run, clean_case.cache)
    same = [
        dataclasses.replace(u, ratings={**u.ratings, "arousal": u.ratings["valence"]})
        for u in evidence.corpus.utterances
    ]
    copied = dataclasses.replace(evidence.corpus, utterances=tuple(same))
    texts = [
        f.text
        for f in ratings.findings(dataclasses.replace(evidence, corpus=copied))
        if not f.fatal
    ]
    assert texts[0].startswith("valence and arousal are equal in all 150 utterances")


def test_evidence_has_a_reason_for_missing_sources(clean_case, tmp_path):
    missing = gather_finished_run(clean_case.run, tmp_path).missing
    assert set(missing) == {CORPUS, CACHE}


def test_lint_prints_results_as_text_and_json(case):
    result = call(case.run, "--cache", case.cache)
    assert result.exit_code == 0
    assert "  speakers: ok" in result.output
    planted_leaks.predict_the_truth(case)
    result = call("--runs", case.run.parent, "--cache", case.cache)
    assert result.exit_code == 1
    assert "  predictions: FAILS" in result.output
    result = call(case.run, "--cache", case.cache, "--json")
    assert result.exit_code == 1
    (facts,) = json.loads(result.output).values()
    assert [f["rule"] for f in facts if f["status"] == "FAILS"] == ["predictions"]


def test_lint_names_an_unreadable_run_and_checks_the_others(case):
    damaged = case.run.with_name("damaged")
    shutil.copytree(case.run, damaged)
    path = next(damaged.glob("*/*/model.json"))
    path.write_text("{}")
    remove_from_manifests(path)
    result = call("--runs", case.run.parent, "--cache", case.cache)
    assert result.exit_code == 1
    assert "holds no model of this version" in result.output
    assert f"{case.run}\n  dialogues: ok" in result.output
    result = call(damaged, "--cache", case.cache, "--json")
    assert result.exit_code == 1
    ((facts,),) = json.loads(result.output).values()
    assert (facts["rule"], facts["status"]) == ("run", "FAILS")


def test_a_fold_folder_that_the_run_lacks_is_ignored(case):
    (fold,) = {path.parent.parent for path in case.run.glob("*/*/model.json")}
    shutil.copytree(fold, case.run / "stray")
    assert results_of(case, ["encoders"])["encoders"].status == "ok"


def test_lint_list_explains_all_rules():
    result = call("--list")
    assert result.exit_code == 0
    assert [
        line.split()[0] for line in result.output.splitlines()
    ] == linter.rule_names()


def test_lint_without_a_run_is_an_error_message(tmp_path):
    result = call("--runs", tmp_path)
    assert result.exit_code == 1
    advice = "train first, for example with `python cli.py train --fusion early`"
    assert result.stderr == f"Error: no run below {tmp_path}; {advice}, or name a run\n"
    result = call(tmp_path)
    assert result.exit_code == 1
    assert "is not a run folder" in result.output
