"""Lines that begin with ``next:``, which can be pasted into a shell."""

import dataclasses
import json
import re
import shlex
import shutil
from pathlib import Path
from types import SimpleNamespace

import learnable_corpus
import planted_leaks
import pytest
import tuned_encoders
from cli_calls import call, error_sentence, parse_command
from locations import ROOT
from small_caches import fill, recipe

from affuse import cli
from affuse.data.cache import cache_listing, provenance, store
from affuse.data.options import command_record
from affuse.data.options.command_record import NEXT
from affuse.data.options.extraction_options import CheckpointChoice, Extract
from affuse.data.options.finetuning_options import Finetune
from affuse.data.options.pipeline_options import RunCommand
from affuse.data.options.prediction_options import Predict
from affuse.data.options.report_options import Report
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.training_options import Train
from affuse.data.records import Corpus, Utterance
from affuse.extract.caching.extraction import ExtractionOutcome
from affuse.extract.commands import distil_command as distil
from affuse.extract.commands import finetune_command as finetune
from affuse.extract.commands.next_commands import next_lines
from affuse.fuse.commands.calibrate_command import _next as after_calibration
from affuse.fuse.commands.requested_designs import needed_modalities
from affuse.fuse.inputs import input_selection
from affuse.fuse.inputs.feature_choice import FeatureChoice
from affuse.fuse.settings import Settings
from affuse.fuse.trained.prediction import recipes

SOURCES = ["cli.py", *(f"{layer}/**/*.py" for layer in ("data", "extract", "fuse"))]
SMALL = (
    *("--set", "epochs=1", "--set", "latent=4", "--set", "hidden=8", "--seeds", "1"),
    *("--set", "autoencoder_hidden=8", "--threads", "1", "--protocol", "speakers"),
)


def parse_line(line):
    """Return the command that a line names, and the values of its options."""
    python, file, name, *words = shlex.split(line.removeprefix(NEXT))
    assert (python, file) == command_record.PROGRAM
    command = cli.main.commands[name]
    return command, command.make_context(name, words).params


def datasets_of(line):
    """Return the caches that a printed `train` command trains on."""
    command, params = parse_line(line)
    assert command is cli.train
    return input_selection.select_for_training(
        Train(**params), needed_modalities(params["designs"]), FeatureChoice()
    )


# Lines are written from command records


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("cli.py", ["python", "cli.py"]),
        ("/a b/cli.py", ["python", "/a b/cli.py"]),
        ("/usr/bin/affuse", ["affuse"]),
        ("/usr/bin/pytest", ["python", "cli.py"]),
    ],
)
def test_a_line_starts_the_program_as_it_was_started(monkeypatch, program, words):
    monkeypatch.setattr("sys.argv", [program, "train"])
    assert shlex.split(str(Report())) == [*words, "report"]


def test_only_next_line_writes_lines_with_next():
    written = {
        path.name: re.findall(r"""["']next:.*""", path.read_text(encoding="utf-8"))
        for pattern in SOURCES
        for path in ROOT.glob(pattern)
    }
    assert len(written.pop("command_record.py")) == 1
    assert {name: lines for name, lines in written.items() if lines} == {}


# After an extraction


def outcomes(*folders, planned=1, present=1):
    """Return the outcome of `extract` for text, by modality."""
    (folder,) = folders
    return {
        "text": ExtractionOutcome(
            folder, 3, 1.0, 1.0, (), present=present, planned=planned
        )
    }


def lines_after(made, cache, corpus=None, options=None):
    corpus = corpus or learnable_corpus.corpus(count=9)
    options = options or Extract(corpus="", cache=cache)
    return list(next_lines(corpus, made, options))


def test_after_a_second_encoder_the_line_names_the_one_that_was_encoded(tmp_path):
    cache = tmp_path / "a cache"
    kept = planted_leaks.corpus()
    planted_leaks.corpus_table.save(kept, cache)
    seen = set()
    for checkpoint, layers in (("tiny", (1, 2)), ("mini", (2,)), ("mini", (0,))):
        made = fill(cache, of=recipe(checkpoint=checkpoint, layers=layers))
        (line,) = lines_after(outcomes(made), cache, kept)
        ((chosen, _),) = datasets_of(line).shown
        assert chosen.path == made
        seen.add(parse_line(line)[1]["text"])
    assert {(), ("mini",)} <= seen  # the last needs its digest
    assert len(seen) == 3


def test_with_several_corpora_the_line_names_the_one_that_was_encoded(tmp_path):
    kept = planted_leaks.corpus()
    planted_leaks.corpus_table.save(kept, tmp_path)
    fill(tmp_path, of=recipe(corpus="other"))
    made = fill(tmp_path, of=recipe())
    (line,) = lines_after(outcomes(made), tmp_path, kept)
    assert datasets_of(line).shown[0][0].path == made


@pytest.mark.parametrize(("speakers", "folds"), [(6, None), (3, 3)])
def test_a_test_split_without_ratings_is_followed_by_another_protocol(
    tmp_path, speakers, folds
):
    rated = [{"valence": 3.0}] * 12 + [{}] * 6
    utterances = tuple(
        Utterance(
            id=f"u{n}",
            text="hi",
            speaker=f"s{n % speakers}",
            split="train" if n < 12 else "test",
            ratings=ratings,
        )
        for n, ratings in enumerate(rated)
    )
    corpus = Corpus(recipe().corpus, tmp_path, utterances, (1, 5), "official")
    made = outcomes(fill(tmp_path, of=recipe()))
    planted_leaks.corpus_table.save(corpus, tmp_path)
    (line,) = lines_after(made, tmp_path, corpus)
    _, params = parse_line(line)
    assert (params["protocol"], params["folds"]) == ("speakers", folds)


@pytest.mark.parametrize(("speakers", "folds"), [(2, None), (3, 3), (4, 4), (5, None)])
def test_after_an_extraction_of_few_speakers_the_line_has_a_number_of_folds(
    tmp_path, speakers, folds
):
    utterances = tuple(
        Utterance(id=f"u{n}", text="hi", speaker=f"s{n % speakers}", ratings=ratings)
        for n, ratings in enumerate([{"valence": 3.0}] * 12)
    )
    corpus = Corpus(recipe().corpus, tmp_path, utterances, (1, 5), "speakers")
    made = outcomes(fill(tmp_path, of=recipe()))
    planted_leaks.corpus_table.save(corpus, tmp_path)
    (line,) = lines_after(made, tmp_path, corpus)
    _, params = parse_line(line)
    assert (params["protocol"], params["folds"]) == (None, folds)


def test_without_a_readable_recording_there_is_no_next_command(tmp_path):
    assert (
        lines_after({"audio": ExtractionOutcome(None, 0, 0.0, 0.0, ())}, tmp_path) == []
    )


def test_missing_shards_are_printed_as_commands(tmp_path):
    folder = fill(tmp_path, rows=(2,), planned=5)
    words = ["extract", "manifest", "a b", "--scale", "1", "5", "--dtype", "float32"]
    words += ["--map", "text=my words", "--shard", "1/3", "--cache", str(tmp_path)]
    params = cli.extract.make_context("extract", words[1:]).params
    made = outcomes(folder, planned=5)
    fill(tmp_path, rows=(2,), planned=5)
    said, *lines = lines_after(made, tmp_path, options=Extract(**params))
    assert said.startswith("3 of 3 shards are missing;")  # part 3 is of the first
    expected = [{**params, "shard": f"{k}/3"} for k in (1, 2, 3)]
    assert [parse_line(line)[1] for line in lines] == expected


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    """A run and its cache, which no test may change."""
    return planted_leaks.make_case(tmp_path_factory.mktemp("next") / "a b")


def test_an_unrated_corpus_is_predicted_by_a_run_that_takes_it(
    case, tmp_path, monkeypatch
):
    unrated = dataclasses.replace(
        planted_leaks.corpus(),
        utterances=tuple(
            dataclasses.replace(u, ratings={})
            for u in planted_leaks.corpus().utterances
        ),
    )
    made = {
        c.recipe.modality: ExtractionOutcome(
            c.path, 1, 1.0, 1.0, (), present=1, planned=1
        )
        for c in store.find(case.cache)
    }
    monkeypatch.chdir(tmp_path)
    (said,) = lines_after(made, case.cache, unrated)
    assert "no run in runs takes these embeddings" in said
    Path("runs").symlink_to(case.run.parent)
    (line,) = lines_after(made, case.cache, unrated)
    done = call(*shlex.split(line)[3:])
    assert done.exit_code == 0, done.output
    assert done.stdout.count("\n") == 1 + planted_leaks.COUNT


def test_encoders_of_one_fold_are_followed_by_those_of_the_next(tmp_path):
    run = tuned_encoders.fine_tune(tmp_path / "fine tuned", modalities=["text"])
    words = ["demo", "--cache", str(tmp_path), "--modality", "text", "--threads", "1"]
    found = parse_command("extract", *words)
    place = run / "session1" / "text"
    for fold in tuned_encoders.FOLDS:
        assert place == run / fold / "text"
        tuned_encoders.write_caches(tmp_path, run, modalities=["text"], wanted=[fold])
        made = outcomes(max(store.folders(tmp_path), key=lambda p: p.stat().st_mtime))
        options = dataclasses.replace(found, text_checkpoint=str(place))
        (line,) = lines_after(made, tmp_path, tuned_encoders.corpus(), options)
        command, params = parse_line(line)
        if command is cli.extract:
            place = Path(params["text_checkpoint"])
            following = dataclasses.replace(found, text_checkpoint=str(place))
            assert Extract(**params) == following
    assert command is cli.train
    assert params["finetuned"] == run
    assert set(datasets_of(line).fold_embeddings) == set(tuned_encoders.FOLDS)


# After other commands


@pytest.mark.parametrize("there", [("session5",), ("session1", "session5")])
def test_after_fine_tuning_the_corpus_is_read_in_the_same_way(tmp_path, there):
    folder = tmp_path / "out put" / "toy-early-loso-1"
    for fold in there:
        (folder / fold).mkdir(parents=True)
        (folder / fold / "finetune.json").write_text("{}", encoding="utf-8")
    words = ["manifest", "my corpus", "--scale", "1", "5", "--name", "toy", "--map"]
    words += ["text=what is said", "--fold", there[0], "--threads", "1", "--hold"]
    words += ["--no-convolutions", "--set", "epochs=2", "--adapters", "0"]
    found = parse_command("finetune", *words)
    made = SimpleNamespace(
        folder=folder,
        folds=[SimpleNamespace(name=there[0])],
        fold_names=("session1", "session5"),
        backbones={"audio": None, "text": None},
        fusion="early",
        settings=Settings(protocol="loso"),
    )
    *more, last = map(str, finetune.next_commands(made, found))
    command, params = parse_line((more or [last])[0])
    names = ("corpus", "root", "scale", "name", "columns")
    assert {n: params[n] for n in names} == {n: getattr(found, n) for n in names}
    if len(there) == 2:
        assert command is cli.run
        assert params["designs"] == ("early",)
        assert (params["protocol"], params["finetuned"]) == ("loso", folder)
    else:
        assert command is cli.extract
        assert params["audio_checkpoint"] == str(folder / "session5" / "audio")
        assert params["text_checkpoint"] == str(folder / "session5" / "text")
        command, params = parse_line(last)  # the same, for the fold that is missing
        assert command is cli.finetune
        assert params == {**vars(found), "fold": "session1"}


def test_after_distillation_the_demo_is_encoded_with_the_student(tmp_path):
    teacher = SimpleNamespace(modality="text")
    plan = SimpleNamespace(output=Path("a b"), cache=tmp_path, teacher=teacher)
    command, params = parse_line(str(distil.next_command(plan)))
    assert command is cli.extract
    assert (params["corpus"], params["root"]) == ("demo", None)
    assert (params["text_checkpoint"], params["cache"]) == ("a b", tmp_path)


def test_a_calibrated_run_predicts_another_corpus_if_there_is_one(case, tmp_path):
    run = SimpleNamespace(
        path=case.run, info=SimpleNamespace(corpus="toy", design_file=None)
    )
    _, params = parse_line(after_calibration(run, case.cache))
    assert (params["run"], params["corpus"]) == (case.run, "")
    fill(tmp_path)  # whose embeddings the run does not take
    said = after_calibration(run, tmp_path)
    assert said.startswith(f"{tmp_path} holds no embeddings that this run takes")


def test_printed_commands_quote_their_options():
    assert str(Report(runs=Path("my runs"))).endswith("report --runs 'my runs'")
    assert str(Report()) == "python cli.py report"
    assert str(Train(designs=("a", "b"))).endswith("train --fusion a --fusion b")
    line = str(RunCommand(corpus="demo", root=Path("-x"), designs=("early",)))
    assert line.endswith("run demo ./-x --fusion early")


# Commands that need the embeddings of a run


def other_encoder(case, root, **changes):
    """A copy of a case whose text is encoded in another way, with its provenance."""
    copy = planted_leaks.copy_case(case, root)
    for found in list(store.find(copy.cache)):
        if found.recipe.modality == "text":
            shutil.rmtree(found.path)
            other = dataclasses.replace(found.recipe, **changes)
            folder = fill(copy.cache, of=other)
            words = ["manifest", "/my corpus", "--scale", "1", "5", "--name", "toy"]
            options = vars(parse_command("extract", *words))
            call_ = {name: options[name] for name in provenance.FLAGS}
            call_ |= {"corpus": "manifest", "root": "/my corpus"}
            call_ |= {"modalities": ["text"]}
            provenance.path(folder).write_text(json.dumps(call_), encoding="utf-8")
    return copy


@pytest.mark.parametrize("words", [("predict",), ("ablate",)], ids=" ".join)
def test_missing_embeddings_are_answered_with_commands(case, tmp_path, words):
    changed = other_encoder(case, tmp_path, dtype="bfloat16")
    said = error_sentence(
        call(*words, changed.run, "--cache", changed.cache, "--threads", 1)
    )
    sentence, extract, again = said.splitlines()
    assert "text embeddings of 'toy' were extracted with dtype='bfloat16'" in sentence
    assert sentence.endswith("extract again with the run's options, and repeat:")
    wanted = recipes(case.run)["session5"]["text"]
    command, params = parse_line(extract.strip())
    assert command is cli.extract
    assert (params["corpus"], params["root"]) == ("manifest", Path("/my corpus"))
    assert (params["name"], params["scale"]) == ("toy", (1.0, 5.0))
    assert params["text_checkpoint"] == wanted.checkpoint
    assert (params["modalities"], params["cache"]) == (("text",), changed.cache)
    assert params["layers"] == (",".join(map(str, wanted.layers)),)
    command, params = parse_line(again.strip())
    assert (params["run"], params["cache"]) == (changed.run, changed.cache)


def test_a_command_repeats_the_whole_recipe(tmp_path):
    wanted = recipe(
        modality="audio",
        checkpoint="facebook/wav2vec2-base",
        revision="0123",
        layers=(3, 12),
        pooling="mean+std",
        dtype="bfloat16",
        head=("arousal",),
        inputs={"block_seconds": 30.0},
    )
    made = provenance.command_for_recipe(wanted, CorpusSource(corpus="demo"), tmp_path)
    _, params = parse_line(str(made))
    expected = {
        "audio_checkpoint": "facebook/wav2vec2-base",
        "revision": ("0123",),
        "layers": ("3,12",),
        "pooling": ("mean+std",),
        "dtype": "bfloat16",
        "head": True,
        "block_seconds": 30.0,
        "modalities": ("audio",),
    }
    assert {name: params[name] for name in expected} == expected


@pytest.mark.slow
def test_each_printed_command_can_be_executed(tmp_path):
    """Options that make the commands quick are added to the printed ones."""

    def following_of(done):
        assert done.exit_code == 0, done.output
        return shlex.split(done.stdout.splitlines()[-1].removeprefix(NEXT))[2:]

    cache, runs = tmp_path / "my cache", tmp_path / "my runs"
    words = ("extract", "demo", "--modality", "text", "--threads", 1, "--cache", cache)
    few = ("--limit", 60)
    call(*words, *few, "--text-checkpoint", "tiny")
    after = following_of(call(*words, *few, "--text-checkpoint", "mini"))
    assert after[after.index("--text") + 1] == "mini"
    after = following_of(call(*after, "--runs", runs, *SMALL))
    assert call(*after).exit_code == 0
    (run,) = runs.iterdir()
    after = following_of(
        call("calibrate", run, "--level", 0.5, "--cache", cache),
    )
    assert call(*after).exit_code == 0
    for found in list(store.find(cache)):
        if found.recipe.checkpoint == "mini":
            shutil.rmtree(found.path)
    _, *lines = error_sentence(call("predict", run, "--cache", cache)).splitlines()
    for line in lines:
        done = call(*shlex.split(line)[2:])
        assert done.exit_code == 0, done.output
    assert done.stdout.startswith("id,valence")


def test_command_records_copy_only_fields_that_they_have():
    extraction = Extract(corpus="demo", text_checkpoint="mini", threads=2)
    tuning = Finetune.from_command(
        extraction, CorpusSource, CheckpointChoice, fusion="late"
    )
    assert (tuning.corpus, tuning.text_checkpoint) == ("demo", "mini")
    assert (tuning.fusion, tuning.threads) == ("late", None)
    assert list(Predict(run=Path("x")).words()) == ["predict", "x"]
    assert cache_listing.example(Path("x")).cache == Path("x")
