"""Fine-tuning: gradients, folders, interruptions and errors."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
import tunable_checkpoints
from click.testing import CliRunner
from finetuning_sizes import QUICK, SMALL
from locations import ROOT
from safetensors.torch import load_file

from affuse import cli
from affuse.data.cache import training_data, verification
from affuse.data.errors import AffuseError
from affuse.data.options.extraction_options import CheckpointChoice
from affuse.data.options.finetuning_options import Finetune
from affuse.data.options.source_options import CorpusSource
from affuse.data.reading import corpus_reading
from affuse.data.runs.finetuning_folder import (
    FinetunedFold,
    FinetuningFolder,
    UnfinishedFold,
)
from affuse.data.splits import protocols
from affuse.data.system import digests
from affuse.data.system.work_log import read_work
from affuse.extract.audio import decoder_pool
from affuse.extract.checkpoints.checkpoint_files import Checkpoint
from affuse.extract.commands import finetune_command
from affuse.extract.encoders import distilbert
from affuse.extract.encoding import encoder_loading
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.encoding.protocol import hidden
from affuse.extract.finetune import (
    adapters,
    backbone,
    batch_passes,
    fold_inputs,
    fold_publishing,
    fold_training,
    joint_system,
    tuning_settings,
)
from affuse.extract.finetune.fold_remarks import remarks
from affuse.extract.finetune.gradient_accumulation import (
    BatchShare,
    backward,
    seed_torch,
)
from affuse.extract.finetune.trainer import FineTuner
from affuse.extract.finetune.tuning_settings import Tuning
from affuse.extract.finetune.weight_averaging import Averages
from affuse.fuse import losses
from affuse.fuse.models import code_revisions, weight_files
from affuse.fuse.training import finetuned_heads

# float32 through a few layers, in another order of summation
ROUNDING = {"rtol": 1e-4, "atol": 1e-4}
GRADIENT = {"rtol": 0, "atol": 1e-5}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder of a corpus, and of checkpoints to fine-tune on it."""
    root = tmp_path_factory.mktemp("finetune")
    for front in tunable_checkpoints.FRONTS:
        tunable_checkpoints.speech(root / front, front)
    tunable_checkpoints.text(root / "text")
    tunable_checkpoints.table(root / "corpus")
    return root


@pytest.fixture
def finetune(world, tmp_path, monkeypatch):
    """Function that runs the command; it returns the result and the folder of folds."""
    # the head behind frozen encoders is stage two's, and tested there: a few epochs do
    monkeypatch.setattr(
        joint_system, "probe_settings", lambda settings: replace(SMALL, epochs=3)
    )

    def run(*options, fusion="text", fold="session1", sets=QUICK, output="out"):
        words = ["finetune", "manifest", str(world / "corpus"), "--scale", "1", "5"]
        words += ["--name", "toy", "--fusion", fusion, "--fold", fold]
        words += ["--audio-checkpoint", str(world / "layer"), "--protocol", "loso"]
        words += ["--text-checkpoint", str(world / "text"), "--threads", "1"]
        words += ["--output", str(tmp_path / output), *options]
        for assignment in sets:
            words += ["--set", assignment]
        found = CliRunner().invoke(cli.main, words)
        made = sorted((tmp_path / output).glob("toy-*"))
        return found, (made[0] if made else None)

    return run


def open_fold(world, fusion="early", front="layer", max_seconds=30.0):
    """Return the encoders of a design, and the inputs of one fold."""
    named = CheckpointChoice(
        audio_checkpoint=str(world / front), text_checkpoint=str(world / "text")
    )
    known = backbone.open_all(fusion, named, max_seconds=max_seconds)
    backbones = {m: backbone.load_weights(found) for m, found in known.items()}
    corpus = corpus_reading.read(
        CorpusSource(corpus="manifest", root=world / "corpus", scale=(1.0, 5.0))
    )
    aligned = fold_inputs.usable_utterances(corpus, tuple(backbones), policy="clip")
    ids = aligned.ids
    fold = fold_inputs.Fold("one", ids[:20], ids[20:26], ids[26:])
    found = fold_inputs.find(
        corpus, aligned, fold, tuple(backbones), threads=1, progress=False
    )
    return backbones, fold_inputs.gather(found, corpus, aligned, backbones, threads=1)


def joint_module(backbones, material, *, fusion="early", settings=SMALL):
    """Return the joint module before training, with a head of random weights."""
    encoders, part = backbone.Encoders(backbones), material.train
    features = joint_system.embed(encoders, part, size=4, device="cpu")
    rows = joint_system.rows(part, features, material.targets)
    what = {"fusion": fusion, "settings": settings, "seed": 0}
    return joint_system.build(encoders, rows, None, head_first=False, **what)


def gradients(module):
    """Return the gradients of all weights that have one, and reset them."""
    named = module.named_parameters()
    found = {n: p.grad.clone() for n, p in named if p.grad is not None}
    module.zero_grad(set_to_none=True)
    return found


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], **GRADIENT, msg=name)


@pytest.fixture(scope="module")
def module_and_part(world):
    backbones, material = open_fold(world)
    return joint_module(backbones, material), material.train


def predictor(module, part):
    def predict(rows):
        return module(fold_inputs.collate(part, rows, module.encoders.backbones, "cpu"))

    return predict


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("loss", ["ccc", "mse", "mix"])
def test_the_gradient_of_parts_is_that_of_the_whole_batch(module_and_part, loss, hold):
    module, part = module_and_part
    module.eval()  # no dropout, which would differ
    rows, error = list(range(20)), losses.loss(loss)
    predict = predictor(module, part)
    said, lost = predict(rows)
    total = error(said, part.truth[rows], None) + 0.3 * lost
    total.backward()
    whole = gradients(module)
    parts = fold_inputs.group_rows(part, rows, module.encoders.backbones, size=3)
    found = backward(predict, parts, part.truth, error, weight=0.3, hold=hold)
    assert_equal(gradients(module), whole)
    assert found.total == pytest.approx(total.item(), abs=1e-5)


def cost(lengths, passes, more):
    return sum(max(lengths[k] for k in each) * len(each) + more for each in passes)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_division_into_passes_has_the_least_cost(device):
    rng = np.random.default_rng(0)
    what = {"size": 3, "modality": "text", "device": device, "equal": False}
    more = batch_passes.COST.get(device, {}).get("text", batch_passes.GPU_COST)
    counts = set()
    for _ in range(20):
        lengths = rng.integers(4, 300, 7).tolist()
        found = batch_passes.divide_into_passes(lengths, **what)
        assert sorted(k for each in found for k in each) == list(range(7))
        assert max(map(len, found)) <= 3
        ordered = sorted(range(7), key=lambda k: -lengths[k])
        every = [
            [ordered[a:b] for a, b in pairwise([0, *ends, 7])]
            for count in range(7)
            for ends in combinations(range(1, 7), count)
        ]
        allowed = [each for each in every if max(map(len, each)) <= 3]
        least = min(cost(lengths, each, more) for each in allowed)
        assert cost(lengths, found, more) == least
        counts.add(len(found))
    assert counts == {3} if device == "cuda" else max(counts) > 3


def test_the_gradients_of_small_batches_do_not_add_up(module_and_part):
    # if these gradients were equal, the previous test could not fail
    module, part = module_and_part
    module.eval()
    predict, error = predictor(module, part), losses.loss("ccc")
    backward(predict, [list(range(20))], part.truth, error, weight=0.0)
    whole = gradients(module)
    for begin in range(0, 20, 4):
        rows = [list(range(begin, begin + 4))]
        backward(predict, rows, part.truth, error, weight=0.0)
    name = max(whole, key=lambda n: whole[n].abs().max())
    assert (gradients(module)[name] / 5 - whole[name]).abs().max() > 1e-3


def test_both_passes_draw_the_same_dropout(module_and_part):
    module, part = module_and_part
    module.train()
    predict, error = predictor(module, part), losses.loss("ccc")
    parts = [[0, 1, 2], [3, 4, 5, 6], [7, 8]]
    said = []
    for number, rows in enumerate(parts):
        with seed_torch((5, 0, number), torch.device("cpu")):
            said.append(predict(rows)[0])
    error(torch.cat(said), part.truth[:9], None).backward()
    whole = gradients(module)
    backward(predict, parts, part.truth, error, weight=0.0, seed=(5,))
    assert_equal(
        {n: g for n, g in gradients(module).items() if n in whole and g.any()},
        {n: g for n, g in whole.items() if g.any()},
    )


def test_gradients_of_processes_that_share_a_batch_add_up(module_and_part):
    # two processes in turn: what each gathers from the other is known beforehand
    module, part = module_and_part
    module.eval()
    predict, error = predictor(module, part), losses.loss("ccc")
    backward(predict, [list(range(10))], part.truth, error, weight=0.5)
    whole = gradients(module)
    shares = [list(range(0, 10, 2)), list(range(1, 10, 2))]
    truth = [part.truth[rows] for rows in shares]
    with torch.no_grad():
        said = [predict(rows)[0] for rows in shares]
    averaged = {}
    for rank, rows in enumerate(shares):

        def gather(own):
            known = truth if torch.equal(own, truth[rank]) else said  # noqa: B023
            return known if own.ndim == 2 else [own]

        share = BatchShare(rank, 2, gather)
        backward(
            predict, [rows[:2], rows[2:]], part.truth, error, weight=0.5, share=share
        )
        for name, gradient in gradients(module).items():
            averaged[name] = averaged.get(name, 0) + gradient / 2
    assert_equal(averaged, whole)


@pytest.mark.parametrize("front", tunable_checkpoints.FRONTS)
def test_embeddings_are_those_of_stage_one(world, front):
    backbones, material = open_fold(world, front=front)
    encoders = backbone.Encoders(backbones)
    part = material.train
    found = joint_system.embed(encoders, part, size=4, device="cpu")
    for modality, folder in (("audio", front), ("text", "text")):
        choice = Choice(modality, checkpoint=str(world / folder))
        encoder = encoder_loading.load(choice, Machine(threads=1))
        alone = [
            hidden(encoder, x[None])[0, 0].mean(dim=0) for x in part.inputs[modality]
        ]
        torch.testing.assert_close(found[modality], torch.stack(alone), **ROUNDING)


def test_only_the_encoders_compute_in_half_precision(world):
    backbones, material = open_fold(world)
    exactly, halved = (
        joint_system.embed(
            backbone.Encoders(backbones, dtype=dtype),
            material.train,
            size=4,
            device="cpu",
        )
        for dtype in ("float32", "bfloat16")
    )
    for modality, exact in exactly.items():
        half = halved[modality]
        assert half.dtype == torch.float32
        assert not torch.equal(half, exact)
        # eight bits of mantissa through a few layers, of values around 1
        torch.testing.assert_close(half, exact, rtol=0, atol=0.05)


def test_only_equal_lengths_share_a_batch_where_padding_would_change_them(world):
    backbones, material = open_fold(world, front="group")
    rows = fold_inputs.group_rows(material.train, range(20), backbones, size=4)
    assert sorted(row for batch in rows for row in batch) == list(range(20))
    lengths = [{len(material.train.inputs["audio"][r]) for r in b} for b in rows]
    assert all(len(found) == 1 for found in lengths)
    assert any(len(batch) > 1 for batch in rows)
    with pytest.raises(ValueError, match="equal lengths"):
        backbones["audio"].collate([np.zeros(800), np.zeros(900)])


@pytest.mark.parametrize(
    ("layers", "convolutions", "idle"),
    [
        (-1, False, ("feature_extractor", "masked_spec_embed")),
        (-1, True, ("masked_spec_embed",)),
        (1, False, ("feature_", "layers.0.", "layer.0.", "embed")),
        (0, False, ("encoders.",)),
    ],
)
def test_only_trained_weights_get_gradients(world, layers, convolutions, idle):
    backbones, material = open_fold(world)
    module = joint_module(backbones, material)
    for found in backbones.values():
        found.freeze(layers_trained=layers, convolutions=convolutions)
    module.train()
    predict, error = predictor(module, material.train), losses.loss("ccc")
    backward(predict, [[*range(12)]], material.train.truth, error, weight=0.1)
    for name, parameter in module.named_parameters():
        reached = parameter.grad is not None and bool(parameter.grad.any())
        # a constant in all keys changes no attention, so its gradient is 0 but rounding
        if not name.endswith(("k_proj.bias", "k_lin.bias")):
            assert reached == parameter.requires_grad, name
        if name.startswith("encoders.") and any(word in name for word in idle):
            assert not reached, name


def add_adapters(backbones, **changes):
    """Return encoders with adapters of rank 2 whose outputs are not zero."""
    wanted = Tuning(**{"adapters": 2, **changes})
    found = adapters.add(backbones, wanted, seed=0)
    rng = torch.Generator().manual_seed(1)
    for known in found.values():
        for name, parameter in known.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1, generator=rng)
    return found


@pytest.mark.parametrize("with_adapters", [False, True])
def test_checkpointed_activations_give_the_same_gradient(world, with_adapters):
    backbones, material = open_fold(world, fusion="text")
    backbones = add_adapters(backbones) if with_adapters else backbones
    module = joint_module(backbones, material, fusion="text")
    module.train()
    found = []
    for checkpointed in (False, True):
        if checkpointed:
            model = backbones["text"].model
            model.gradient_checkpointing_enable({"use_reentrant": False})
        predict = predictor(module, material.train)
        parts, error = [[0, 1, 2, 3], [4, 5, 6]], losses.loss("ccc")
        backward(predict, parts, material.train.truth, error, weight=0.1)
        found.append(gradients(module))
    assert_equal(*found)
    count = sum("lora_" in name and g.any() for name, g in found[1].items())
    assert count == (2 * 6 * 2 if with_adapters else 0)  # A and B of every matrix


@pytest.fixture(params=tunable_checkpoints.BLOCKS)
def family(request):
    """Return an encoder of a family, inputs, and the number of matrices in a block."""
    model, matrices = tunable_checkpoints.model(request.param)
    rng = torch.Generator().manual_seed(0)
    if hasattr(model, "feature_extractor"):
        given = torch.randn(3, 3000, generator=rng)
    else:
        given = torch.randint(5, 70, (3, 7), generator=rng)
    known = Checkpoint(model, request.param, "", "")
    return backbone.Backbone("x", known, Path(), str), given, matrices


@pytest.mark.parametrize("layers", [-1, 1])
def test_gradients_reach_every_adapter_and_no_weight(family, layers):
    bare, given, matrices = family
    bare.freeze(layers_trained=layers, convolutions=False)
    add_adapters({"x": bare}, layers_trained=layers)
    bare.model(given).last_hidden_state.square().sum().backward()
    named = dict(bare.model.named_parameters())
    trained = [name for name, p in named.items() if p.requires_grad]
    reached = [n for n, p in named.items() if p.grad is not None and p.grad.any()]
    assert reached == trained
    assert len(trained) == matrices * 2 * (1 if layers == 1 else 2)  # A and B, blocks
    assert all("lora_" in name for name in trained)
    assert layers == -1 or all(".1." in name for name in trained)


def test_merged_adapters_are_an_ordinary_checkpoint(family, tmp_path):
    bare, given, _ = family
    first = bare.model(given).last_hidden_state
    found = add_adapters({"x": bare})["x"]
    said = found.model(given).last_hidden_state
    assert (said - first).abs().max() > 1e-2
    adapters.merge(found).save_pretrained(tmp_path)
    plain, report = transformers.AutoModel.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not report["unexpected_keys"]
    merged = plain.eval()(given).last_hidden_state
    torch.testing.assert_close(merged, said, rtol=0, atol=1e-5)


def test_the_paper_experiment_makes_checkpoints_for_stage_one(
    finetune, world, tmp_path, monkeypatch
):
    read = []
    original = backbone.Backbone.input

    def watched(self, source, **options):
        read.append(source.utterance.session)
        return original(self, source, **options)

    monkeypatch.setattr(backbone.Backbone, "input", watched)
    short = ("--max-seconds", "0.25")
    found, run = finetune("--experiment", "paper", *short, fusion="early")
    assert found.exit_code == 0, found.output
    assert found.output.count("cut off: ") == 1
    assert set(read) == {"2", "3"}  # session 1 tests
    fold = run / "session1"
    facts = json.loads((fold / "finetune.json").read_text())
    assert facts["tuning"]["audio_rate"] == 5e-4
    assert facts["tuning"]["text_rate"] == 5e-5
    assert facts["settings"]["optimizer"] == "adam"
    assert facts["train"]["speakers"] == ["3F", "3M"]
    rows = [line.split(",") for line in (fold / "utterances.csv").read_text().split()]
    ids = {part: [i for i, p in rows if p == part] for part in ("train", "validation")}
    assert rows[0] == ["id", "part"]
    assert [len(found) for found in ids.values()] == [10, 10]
    assert ids["train"] == [f"u{k:03d}" for k in range(2, 30, 3)]  # of session 3
    longer = facts["cut"]["audio"]
    assert f"of {len(longer)} recordings ({longer[0]}" in found.output.replace(
        "\n", " "
    )
    assert set(longer) < {*ids["train"], *ids["validation"]}
    assert facts["cut"]["text"] == []
    assert facts["validation_ccc"].keys() == {"frozen", "fine-tuned"}
    lines = (fold / "log.csv").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("ccc,ccc_arousal,ccc_dominance,ccc_valence")
    words = ["extract", "manifest", str(world / "corpus"), "--scale", "1", "5"]
    words += ["--name", "toy", "--cache", str(tmp_path / "cache"), "--threads", "1"]
    for modality in ("audio", "text"):
        words += [f"--{modality}-checkpoint", str(fold / modality)]
    done = CliRunner().invoke(cli.main, words)
    assert done.exit_code == 0, done.output
    for modality, base in (("audio", "layer"), ("text", "text")):
        new = encoder_loading.load(
            Choice(modality, checkpoint=str(fold / modality)), Machine()
        )
        old = encoder_loading.load(
            Choice(modality, checkpoint=str(world / base)), Machine()
        )
        assert new.inputs == old.inputs  # the same tokenizer, the same preparation
        assert new.checkpoint.weights != old.checkpoint.weights

    # the other folds test what these encoders have heard, and are refused
    words = ["train", "--fusion", "text", "--protocol", "loso", "--seeds", "1"]
    words += ["--cache", str(tmp_path / "cache"), "--runs", str(tmp_path / "runs")]
    refused = CliRunner().invoke(cli.main, words)
    assert refused.exit_code == 1
    assert "has seen toy (fine-tuned on its ratings)" in refused.output

    # and under another name: the reader reads anything, so their inputs tell
    words[words.index("train") + 1 : 1] = ["--corpus", "other"]
    again = ["extract", "manifest", str(world / "corpus"), "--scale", "1", "5"]
    again += ["--name", "other", "--cache", str(tmp_path / "cache"), "--threads", "1"]
    for modality in ("audio", "text"):
        again += [f"--{modality}-checkpoint", str(fold / modality)]
    assert CliRunner().invoke(cli.main, again).exit_code == 0
    refused = CliRunner().invoke(cli.main, words)
    assert refused.exit_code == 1, refused.output
    assert "which is this corpus, 'other', by its inputs (" in refused.output


def test_truncated_utterances_are_listed(world, monkeypatch):
    monkeypatch.setattr(distilbert, "MAX_TOKENS", 4)
    _, material = open_fold(world, max_seconds=0.25)
    used = (*material.train.utterances, *material.validation.utterances)
    words = {u.id: len(u.text.split()) for u in used}
    assert set(material.cut["text"]) == {i for i, n in words.items() if n + 2 > 4}
    samples = {u.id: len(decoder_pool.load(u.audio, longest=9).samples) for u in used}
    assert set(material.cut["audio"]) == {i for i, n in samples.items() if n > 4400}
    audio, text = remarks(material, longest=0.25)
    assert audio.startswith(f"cut off: of {len(material.cut['audio'])} recordings (u0")
    assert audio.endswith("only the first 0.25 s are encoded, see --max-seconds")
    assert text.endswith("only the first 4 tokens are encoded")


def test_a_training_of_adapters_saves_ordinary_checkpoints(finetune, world):
    options = ("--adapters", "2", "--layers-trained", "1", "--checkpointing")
    found, run = finetune(*options)
    assert found.exit_code == 0, found.output
    fold = run / "session1"
    facts = json.loads((fold / "finetune.json").read_text())
    assert facts["tuning"]["adapters"] == 2
    assert facts["tuning"]["text_rate"] == 5e-4
    assert "peft" in facts["versions"]
    before, after = (
        load_file(folder / "text" / "model.safetensors") for folder in (world, fold)
    )
    assert after.keys() == before.keys()
    moved = [key for key in before if not torch.equal(before[key], after[key])]
    assert len(moved) == 6
    assert all(".1." in key for key in moved)
    for key in moved:
        values = torch.linalg.svdvals(after[key] - before[key])
        assert values[2] < 1e-3 * values[0]  # no more than two, but rounding
    encoder_loading.load(
        Choice("text", checkpoint=str(fold / "text")), Machine(threads=1)
    )


@pytest.mark.parametrize("protocol", ["official", "speakers"])
def test_training_records_name_speakers_splits_and_a_sample(world, protocol):
    backbones, material = open_fold(world, fusion="text")

    def heard(**changes):
        utterances = [replace(u, **changes) for u in material.train.utterances]
        part = replace(material.train, utterances=tuple(utterances))
        plan = SimpleNamespace(
            settings=SimpleNamespace(protocol=protocol),
            corpus=SimpleNamespace(name="toy", reader="manifest"),
        )
        both = replace(material, train=part, validation=part)
        return fold_publishing.training_records(plan, both, backbones["text"])[0]

    known = heard(split="train")
    assert known.reader == "manifest"
    assert 0 < len(known.sample) <= training_data.SAMPLED
    assert known.speakers == ("1F", "1M", "2F", "2M", "3F", "3M")
    assert known.splits == (("train",) if protocol == "official" else ())
    if protocol == "official":  # the only one that takes unknown speakers
        unknown = heard(split="train", speaker="")
        assert (unknown.speakers, unknown.splits) == ((), ("train",))


def test_without_known_speakers_only_the_official_split_divides(world):
    corpus = corpus_reading.read(
        CorpusSource(corpus="manifest", root=world / "corpus", scale=(1.0, 5.0))
    )
    unknown = [replace(u, speaker="") for u in corpus.utterances]
    for protocol in set(protocols.PROTOCOLS) - {"official"}:
        with pytest.raises(ValueError, match="utterances have no speaker"):
            protocols.folds(unknown, protocol)


def test_training_data_of_the_original_checkpoint_are_kept(finetune, world):
    before = world / "text" / training_data.FILE
    before.write_text(json.dumps({"corpus": "EmoBank", "how": "trained on it"}))
    try:
        found, run = finetune()
    finally:
        before.unlink()
    assert found.exit_code == 0, found.output
    records = training_data.parse(
        training_data.read(run / "session1" / "text")[training_data.KEY]
    )
    assert [r.corpus for r in records] == ["toy", "EmoBank"]
    assert records[0].speakers == ("2F", "2M", "3F", "3M")
    assert records[0].splits == ()


def test_a_finished_fold_is_not_trained_again(finetune):
    found, run = finetune()
    assert found.exit_code == 0, found.output
    state = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    again, _ = finetune()
    assert "nothing was left to do" in again.output
    line, last = again.output.splitlines()[-2:]  # with the corpus and its options
    assert last.startswith("next: python cli.py finetune manifest ")
    assert " --fold session2 " in last
    assert line.startswith("next: python cli.py extract manifest ")
    assert f" --scale 1.0 5.0 --modality text --text-checkpoint {run}" in line
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == state
    log = FinetuningFolder(run).steps
    assert sorted(run.iterdir()) == [run / "session1", log]
    (step,) = read_work(log).steps
    assert (step.command, step.unit, step.amount) == ("finetune", "folds", 1)
    assert step.finished


SEALED = {  # what the manifests of a finished fold list
    "": ["finetune.json", "log.csv", "utterances.csv"],
    "head": ["model.safetensors", "settings.toml"],
    "text": ["config.json", "model.safetensors", "seen.json", "vocab.txt"],
}


def test_a_finished_fold_has_manifests_and_its_readers_check_them(finetune, tmp_path):
    found, run = finetune()
    assert found.exit_code == 0, found.output
    fold = run / "session1"
    for name, files in SEALED.items():
        assert sorted(digests.read(fold / name)) == files
        assert list(verification.faults(fold / name)) == []
    assert json.loads((fold / "finetune.json").read_text())["code"] == "revision 1"
    (fold / "text" / "README.md").write_text("A card may be completed.")
    assert text(fold / "text")
    assert finetuned_heads.find_heads(run).design == "text"
    for name, files in SEALED.items():
        for file in files:
            path = fold / name / file
            content = path.read_bytes()
            path.write_bytes(content.replace(b"1", b"2", 1) + b" ")
            with pytest.raises(AffuseError, match=f"{file} is damaged: its SHA-256 is"):
                read_all(run)
            path.write_bytes(content)
    read_all(run)


def text(folder):
    return distilbert.Encoder.pretrained(str(folder))


def read_all(run):
    """Read a finished fold as commands do: the head, the encoder and the lists."""
    found, fold = finetuned_heads.find_heads(run), run / "session1"
    weight_files.read(found.folders["session1"] / "model.safetensors")
    text(fold / "text")
    for name in ("log.csv", "utterances.csv"):
        digests.content(fold / name, limit=2**20)


def test_an_edited_design_does_not_resume_an_old_fine_tuning(finetune, monkeypatch):
    """Neither the finished training nor its head is used."""
    found, run = finetune()
    assert found.exit_code == 0, found.output
    monkeypatch.setattr(
        code_revisions, "code_identity", lambda fusion: "code 0123456789ab"
    )
    again, _ = finetune()
    assert again.exit_code == 0, again.output
    assert "nothing was left to do" not in again.output
    assert len(list(run.parent.glob("toy-*"))) == 2
    sentence = "the code of the design 'text' has changed since .revision 1 then, code"
    with pytest.raises(AffuseError, match=f"{sentence}.*; restore the code, or"):
        finetuned_heads.find_heads(run)


def test_a_head_without_a_recorded_code_is_found(finetune):
    _, run = finetune()
    path = run / "session1" / "finetune.json"
    told = json.loads(path.read_text())
    del told["code"]
    path.write_text(json.dumps(told))
    (path.parent / digests.MANIFEST).unlink()
    assert finetuned_heads.find_heads(run).seed == told["seed"]


@pytest.mark.parametrize(
    "options", [(), ("--averaging", "0"), ("--adapters", "2", "--averaging", "2")]
)
def test_a_killed_training_ends_in_the_same_weights(finetune, monkeypatch, options):
    whole, run = finetune(*options, output="whole")
    assert whole.exit_code == 0, whole.output
    original = FineTuner._save_checkpoint

    def killed(self, *given):
        original(self, *given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(FineTuner, "_save_checkpoint", killed)
        stopped, half = finetune(*options, output="half")
    assert stopped.exit_code == 130
    assert not (half / "session1").exists()
    # a state that was being written counts for nothing
    (half / ".session1.work" / "checkpoint-9").mkdir()
    resumed, _ = finetune(*options, output="half")
    assert resumed.exit_code == 0, resumed.output
    assert "resumes after checkpoint-1" in resumed.output
    for name in ("text/model.safetensors", "head/model.safetensors"):
        one, other = (load_file(folder / "session1" / name) for folder in (run, half))
        for key in one:
            torch.testing.assert_close(one[key], other[key], **GRADIENT)
    logs = [(f / "session1" / "log.csv").read_text() for f in (run, half)]
    assert [len(log.splitlines()) for log in logs] == [3, 3]
    steps = read_work(FinetuningFolder(half).steps).steps
    assert [(step.amount, step.finished) for step in steps] == [(0, False), (1, True)]


def test_an_unfinished_training_on_other_texts_is_not_resumed(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / UnfinishedFold.identity).write_text('{"content": "one"}')
    assert fold_training._newest_state(UnfinishedFold(folder), "one") is None
    with pytest.raises(ValueError, match="other texts or recordings"):
        fold_training._newest_state(UnfinishedFold(folder), "other")


@pytest.mark.parametrize(
    ("options", "sets", "sentence"),
    [
        (("--fold", "session9"), QUICK, "has no fold 'session9'; choose from all"),
        (("--text-checkpoint", "tiny"), QUICK, "take 'mini' to try fine-tuning"),
        (
            ("--layers-trained", "3"),
            QUICK,
            "has 2 blocks; take --layers-trained",
        ),
        ((), (*QUICK, "reduce=pca"), "reduce='pca' is fitted on cached embeddings"),
        ((), (*QUICK, "layers=weighted"), "layers='weighted' needs cached embeddings"),
        ((), (*QUICK, "map=affine"), "map='affine' is fitted with the baselines"),
        (("--warmup", "2"), QUICK, "warmup must be in"),
        (
            ("--adapters", "2", "--layers-trained", "0"),
            QUICK,
            "layers_trained=0 leaves none",
        ),
        (
            ("--adapters", "2", "--layers-trained", "3"),
            QUICK,
            "has 2 blocks; take --layers-trained",
        ),
        (
            ("--adapters", "2", "--convolutions"),
            QUICK,
            "convolutions have no adapters",
        ),
    ],
)
def test_options_that_fine_tuning_cannot_use_are_refused(
    finetune, options, sets, sentence
):
    found, _ = finetune(*options, sets=sets)
    assert found.exit_code == 2
    assert sentence in found.output
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"speech": False}, "has no recordings, and this design takes audio and text"),
        (
            {"each": 7, "seed": 3},
            "usable utterances for train, and fine-tuning needs 8 or more",
        ),
        (
            {"constant": (1, 2, 3)},
            "arousal cannot be learnt: all 30 utterances that can be used",
        ),
    ],
)
def test_a_corpus_with_too_little_data_is_refused(
    finetune, world, tmp_path, what, sentence
):
    kept = world / "kept"
    shutil.move(world / "corpus", kept)
    try:
        tunable_checkpoints.table(world / "corpus", **what)
        found, _ = finetune(fusion="early")
    finally:
        shutil.rmtree(world / "corpus")
        shutil.move(kept, world / "corpus")
    assert found.exit_code == 1
    assert sentence in found.output


def test_running_out_of_memory_names_the_options_to_change(finetune, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(FineTuner, "training_step", full)
    found, _ = finetune()
    assert found.exit_code == 1
    assert "a smaller --batch" in found.output
    assert "--checkpointing" in found.output


def test_a_loss_that_is_not_finite_ends_the_training(finetune, monkeypatch):
    def broken(prediction, truth, weight=None):
        return prediction.sum() * float("nan")

    original = FineTuner.__init__

    def begin(self, *given):
        original(self, *given)
        self._loss = broken

    monkeypatch.setattr(FineTuner, "__init__", begin)
    found, _ = finetune()
    assert found.exit_code == 1
    assert "the loss is not finite at step 1; take smaller rates" in found.output


def test_without_accelerate_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install '.\[finetune\]'"):
        finetune_command.finetune(print, Finetune(corpus="demo"))


def test_without_peft_the_error_says_what_to_install(finetune, monkeypatch):
    monkeypatch.setattr(adapters, "find_spec", lambda name: name != "peft" or None)
    found, made = finetune("--adapters", "2")
    assert found.exit_code == 1
    assert "adapters need the package peft, which is not installed" in found.output
    assert "pip install '.[adapters]'" in found.output
    assert made is None


def test_unknown_settings_and_values_of_fine_tuning_are_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[finetune]\nspeech_rate = 1e-5\n")
    with pytest.raises(ValueError, match=r"unknown in \[finetune\]: speech_rate"):
        tuning_settings.load(path, {})
    assert tuning_settings.load("finetune", {"warmup": None}).warmup == 0.1
    path.write_text("[finetune]\nadapters = -1\n")
    with pytest.raises(ValueError, match=r"adapters must be in \[0, 1024\], got -1"):
        tuning_settings.load(path, {})


@pytest.mark.parametrize(
    ("table", "given", "rates"),
    [
        ("text_rate = 1e-5", {}, (3e-5, 1e-5)),
        ("text_rate = 1e-5", {"adapters": 8}, (5e-4, 5e-4)),
        ("text_rate = 1e-5", {"adapters": 8, "audio_rate": 1e-4}, (1e-4, 5e-4)),
        ("text_rate = 1e-5", {"adapters": 0}, (3e-5, 1e-5)),
        ("text_rate = 1e-5\nadapters = 8", {}, (5e-4, 1e-5)),
        ("text_rate = 1e-5\nadapters = 8", {"adapters": 4}, (5e-4, 1e-5)),
    ],
)
def test_adapters_do_not_take_the_learning_rates_of_weights(
    tmp_path, table, given, rates
):
    path = tmp_path / "mine.toml"
    path.write_text(f"[finetune]\n{table}\n")
    found = tuning_settings.load(path, given)
    assert (found.audio_rate, found.text_rate) == rates


def test_unused_settings_do_not_change_the_name_of_a_training():
    idle = {"adapters", "adapter_alpha", "averaging"}
    assert not idle & Tuning(adapter_alpha=8).result_settings.keys()
    used = Tuning(adapters=2, averaging=0.5).result_settings
    assert {name: used[name] for name in idle} == {
        "adapters": 2,
        "adapter_alpha": 16,
        "averaging": 0.5,
    }


def test_averages_follow_the_recursion_of_the_ema():
    module = torch.nn.Linear(1, 1)
    module.bias.requires_grad_(False)
    still = module.bias.clone()
    found = Averages(module, horizon=2.0)
    mean = module.weight.item()
    for step in range(1, 40):
        module.weight.data.fill_(step**0.5)
        found.update()
        share = min(np.exp(-0.5), (1 + step) / (10 + step))
        mean = share * mean + (1 - share) * step**0.5
    with found.as_weights():
        assert module.weight.item() == pytest.approx(mean)
    assert module.weight.item() == np.float32(39**0.5)
    found.adopt()
    assert module.weight.item() == pytest.approx(mean)
    assert torch.equal(module.bias, still)


def test_averages_are_scored_and_saved(finetune, monkeypatch):
    seen = []
    original = FineTuner.predict_validation

    def predict_validation(self):
        weights = self.task.module.encoders.models["text"].state_dict()
        seen.append({name: values.clone() for name, values in weights.items()})
        return original(self)

    monkeypatch.setattr(FineTuner, "predict_validation", predict_validation)
    found, run = finetune("--averaging", "1")
    assert found.exit_code == 0, found.output
    said = json.loads((run / "session1" / FinetunedFold.mark).read_text())
    assert said["tuning"]["averaging"] == 1
    kept = load_file(run / "session1" / "text" / "model.safetensors")
    best = seen[int(said["epoch"]) - 1]
    for name, values in kept.items():
        assert torch.equal(values, best[name])
    plain, _ = finetune("--averaging", "0", output="plain")
    assert plain.exit_code == 0, plain.output
    # its first step has a rate of 0
    assert not all(torch.equal(seen[1][name], seen[3][name]) for name in kept)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--adapters", "2")])
def test_two_processes_train_the_same_weights_as_one(world, tmp_path, options):
    # without dropout, which each process draws for itself
    folder = tunable_checkpoints.text(
        tmp_path / "plain", dropout=0.0, attention_dropout=0.0
    )
    words = [
        "cli.py",
        "finetune",
        "manifest",
        str(world / "corpus"),
        "--scale",
        "1",
        "5",
    ]
    words += ["--fusion", "text", "--fold", "session1", "--protocol", "loso"]
    words += ["--text-checkpoint", str(folder), "--device", "cpu", "--threads", "1"]
    words += options
    for assignment in (*QUICK, "input_dropout=0", "dropout=0"):
        words += ["--set", assignment]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    made = []
    for name, how in (("one", []), ("two", launch)):
        line = [sys.executable, *how, *words, "--output", str(tmp_path / name)]
        done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("with frozen encoders;") == 1
        (path,) = (tmp_path / name).glob("*/session1/text/model.safetensors")
        made.append(load_file(path))
    for key in made[0]:
        torch.testing.assert_close(made[0][key], made[1][key], rtol=0, atol=1e-4)


def test_assumptions_of_the_protocol_are_printed(finetune, monkeypatch):
    monkeypatch.setattr(fold_training, "run", lambda *_, **__: None)
    words = ("--protocol", "speakers", "--folds", "3", "--set", "split_seed=1")
    found, _ = finetune(*words, fold="all")
    assert found.exit_code == 0, found.output
    assert "Protocol speakers: 6 speakers in 3 groups of 2, drawn at" in found.output
