"""Benchmark of fine-tuning: FLOPs, both training loops, memory, and the table.

The tests at the end need a CUDA device.
"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from locations import ROOT
from torch.utils.flop_counter import FlopCounterMode

from affuse import cli
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.bench import random_inputs
from affuse.extract.bench.random_models import SPEECH
from affuse.extract.finetune.backbone import Encoders
from affuse.extract.finetune.batch_passes import divide_into_passes
from affuse.extract.finetune.bench import (
    finetune_bench,
    peak_memory,
    random_task,
    training_ways,
)
from affuse.extract.finetune.fold_inputs import collate, group_rows
from affuse.extract.finetune.gradient_accumulation import backward
from affuse.extract.finetune.trainer import FineTuner
from affuse.fuse import losses

SIZE = random_task.TaskSize(
    model="tiny",
    fusion="early",
    batch=4,
    loss_batch=10,
    steps=1,
    dtype="float32",
    hold=False,
    checkpointing=False,
    layers_trained=-1,
    seed=0,
)
POSTNORM = {"feat_extract_norm": "group", "do_stable_layer_norm": False}
CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    ],
)
ROUNDING = {"cpu": 1e-3, "cuda": 1e-2}  # of sums in float32, in another order
# Cosine of gradients: bfloat16 has eight bits, and both passes go through all layers.
HALF_PRECISION_COSINE = 0.8
# arithmetic in half precision is slow on CPUs, so they get texts alone
HALF_PRECISION_CASES = [
    ("cpu", "text"),
    pytest.param("cuda", "early", marks=CUDA.marks),
]


@pytest.fixture(autouse=True)
def single_thread():
    """Use one thread, regardless of earlier commands."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def with_equal_lengths(task, seconds=1.0):
    """Return the task with recordings of equal length, so that parts are alike."""
    material = task.material
    count = len(material.train)
    rng = np.random.default_rng(0)
    shape = count, int(seconds * SAMPLE_RATE)
    waves = tuple(rng.standard_normal(shape, dtype=np.float32))
    train = replace(material.train, inputs={**material.train.inputs, "audio": waves})
    return replace(task, material=replace(material, train=train))


@pytest.mark.parametrize("trained", [-1, 0, 1, 2])
@pytest.mark.parametrize("norm", [{}, POSTNORM])
@pytest.mark.parametrize("fusion", ["audio", "text"])
def test_flops_equal_the_count_of_torch(monkeypatch, trained, norm, fusion):
    # torch counts the gradient of a grouped kernel as if it had no groups
    ungrouped = {**SPEECH["tiny"], "num_conv_pos_embedding_groups": 1}
    monkeypatch.setitem(random_task.SPEECH, "tiny", {**ungrouped, **norm})
    size = replace(SIZE, fusion=fusion, layers_trained=trained, loss_batch=8)
    found, part = random_task.backbones(size), random_task.utterances(size)
    row = min(range(8), key=lambda k: len(part.inputs[fusion][k]))
    for backbone in found.values():
        backbone.model.set_attn_implementation("eager")  # in the open
    encoders = Encoders(found).train()
    with FlopCounterMode(display=False) as counter:
        (values,) = encoders(collate(part, [row], found, "cpu")).values()
        if trained:
            values.sum().backward()
    one = replace(part, inputs={fusion: (part.inputs[fusion][row],)})
    needed = random_task.operations(size, one)
    assert needed == pytest.approx(counter.get_total_flops(), rel=1e-3)


def test_every_training_task_has_equal_weights_and_inputs(tmp_path):
    one, two = (random_task.make_task(SIZE, "cpu", tmp_path) for _ in range(2))
    weights = two.module.state_dict()
    for name, tensor in one.module.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    assert torch.equal(one.material.train.truth, two.material.train.truth)
    lengths = [len(x) for x in one.material.train.inputs["audio"]]
    assert lengths == [
        len(x) for x in random_inputs.waves(10, seed=0)
    ]  # none is over 30 s


def test_the_ordinary_loop_pads_for_every_encoder(monkeypatch):
    part, rows = random_task.utterances(SIZE), [3, 1, 2]
    found = random_task.backbones(SIZE)
    wanted = collate(part, rows, found, "cpu")
    for modality, given in training_ways.padded_inputs(
        part, rows, found, "cpu"
    ).items():
        for name, tensor in given.items():
            assert torch.equal(tensor, wanted[modality][name])
    monkeypatch.setitem(random_task.SPEECH, "tiny", {**SPEECH["tiny"], **POSTNORM})
    given = training_ways.padded_inputs(part, rows, random_task.backbones(SIZE), "cpu")[
        "audio"
    ]
    assert torch.equal(given.pop("input_values"), wanted["audio"]["input_values"])
    assert not given


@pytest.mark.parametrize(
    ("way", "steps"),
    [(training_ways.measure_finetune, 1), (training_ways.measure_ordinary_loop, 3)],
)
def test_a_training_loop_trains_and_leaves_no_files(monkeypatch, tmp_path, way, steps):
    made, original = [], random_task.make_task

    def watched(*given):
        made.append(original(*given))
        made.append({n: p.clone() for n, p in made[0].module.named_parameters()})
        return made[0]

    monkeypatch.setattr(random_task, "make_task", watched)
    found = way(replace(SIZE, fusion="audio", steps=2), "cpu", tmp_path)
    task, before = made
    assert found.steps == steps
    assert found.seconds > 0
    assert not list(tmp_path.glob("checkpoint*"))
    for name, parameter in task.module.named_parameters():
        assert parameter.requires_grad == (not torch.equal(parameter, before[name]))
    lengths = [len(x) for x in task.material.train.inputs["audio"]]
    if way is training_ways.measure_finetune:  # neighbours in length share a part
        parts = divide_into_passes(
            lengths, size=4, modality="audio", device="cpu", equal=False
        )
        padded = sum(max(lengths[k] for k in part) * len(part) for part in parts)
        assert found.useful == pytest.approx(sum(lengths) / padded)


def run_command(*options):
    words = ["bench", "finetune", "--model", "tiny", "--threads", "1", *options]
    return CliRunner().invoke(cli.main, words)


def test_the_command_prints_the_table(monkeypatch):
    monkeypatch.setattr(
        finetune_bench, "measure_throughput", lambda device, dtype: 1e10
    )
    found = run_command("--fusion", "text", "--loss-batch", "12", "--steps", "1")
    assert found.exit_code == 0, found.output
    assert "fine-tuning text with encoders tiny" in found.output
    assert "12 generated utterances of" in found.output
    title, ours, other = found.output.splitlines()[-3:]
    assert "tokens/s" in title
    assert ours.startswith("affuse ")
    assert other.startswith("ordinary loop, padded batches ")
    for line, batch in ((ours, 12), (other, 6)):
        size, seconds, rate, tokens = line.split("  ", 1)[1].split()[:4]
        assert int(size) == batch
        assert float(seconds) * float(rate) == pytest.approx(batch, rel=0.1)
        assert float(tokens) > float(rate)  # a text has three at least


def test_the_table_lists_speeds_relative_to_affuse():
    measured = {
        "affuse": training_ways.TrainingSpeed(2.0, 1, 0.9, 3 * 2**29),
        "ordinary": training_ways.TrainingSpeed(3.0, 4, 0.5, None),
    }
    title, ours, other = finetune_bench.table(
        measured, 32, 60.0, "audio-s", shortest=0.5
    )
    assert "audio-s/s" in title
    assert (
        ours.split() == "affuse 32 2.000 16.0 30.0 1.00 x as fast 90% 25% 1.50".split()
    )
    assert other.split() == "ordinary 8 0.750 10.7 20.0 1.50 x as fast 50% 17%".split()


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--model", "huge"], 1, "--model huge: take large12, large24, base, small"),
        (["--layers-trained", "3"], 2, "has 2 blocks; take --layers-trained 0 to 2"),
    ],
)
def test_invalid_options_of_the_benchmark_are_refused(
    monkeypatch, options, status, sentence
):
    monkeypatch.setattr(
        finetune_bench, "measure_throughput", lambda device, dtype: 1e10
    )
    found = run_command("--loss-batch", "8", *options)
    assert found.exit_code == status
    assert sentence in found.output


def test_running_out_of_memory_is_an_error_with_advice(monkeypatch):
    def full(*given):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setitem(finetune_bench.WAYS, finetune_bench.AFFUSE, full)
    with pytest.raises(ValueError, match="memory ran out in 'affuse' with 4 utteranc"):
        finetune_bench.measure(SIZE, "cpu")


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr("affuse.extract.finetune.adapters.find_spec", lambda name: None)
    found = run_command()
    assert found.exit_code == 1
    assert "needs the package accelerate, which is not installed" in found.output


@pytest.mark.slow
def test_the_benchmark_needs_no_audio_libraries():
    words = ["bench", "finetune", "--model", "tiny", "--threads", "1"]
    words += ["--fusion", "audio", "--loss-batch", "8", "--steps", "1"]
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['librosa', 'soundfile', 'soxr']))\n"
        "from affuse.extract.finetune.bench import finetune_bench as command\n"
        "command.measure_throughput = lambda device, dtype: 1e10\n"
        f"from affuse import cli; cli.main({words})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert "ordinary loop, padded batches" in run.stdout


@pytest.mark.skipif(
    not peak_memory.CLEAR.exists(), reason="the system counts no peaks anew"
)
def test_peak_memory_is_that_of_the_function_alone():
    few = peak_memory.measure_peak(lambda: None, "cpu")
    many = peak_memory.measure_peak(lambda: np.ones(2**23).sum(), "cpu")  # 64 MiB
    again = peak_memory.measure_peak(lambda: None, "cpu")
    assert many - few > 60 * 2**20
    assert many - again > 60 * 2**20


def test_peak_memory_is_none_if_it_cannot_be_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(peak_memory, "CLEAR", tmp_path / "absent" / "file")
    done = []
    assert peak_memory.measure_peak(lambda: done.append(1), "cpu") is None
    assert done == [1]


def gradient(size, device, work):
    """Return the gradient of all trained parameters as one vector, without dropout."""
    task = with_equal_lengths(random_task.make_task(size, device, work))
    module, part = task.module.eval(), task.material.train
    encoders = module.encoders.backbones

    def predict(rows):
        return module(collate(part, rows, encoders, device))

    parts = group_rows(part, range(len(part)), encoders, size=size.batch)
    truth = part.truth.to(device)
    found = backward(predict, parts, truth, losses.loss("ccc"), weight=0.1)
    assert np.isfinite(found.total)
    grads = [p.grad for p in module.parameters() if p.grad is not None]
    return torch.cat([g.flatten().double().cpu() for g in grads])


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_parts_give_the_gradient_of_one_pass(tmp_path, device):
    size = replace(SIZE, loss_batch=8, batch=3)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        whole = gradient(replace(size, batch=8), device, tmp_path)
        parts = gradient(size, device, tmp_path)
    assert (parts - whole).norm() < ROUNDING[device] * whole.norm()


@pytest.mark.parametrize(("device", "fusion"), HALF_PRECISION_CASES)
def test_parts_in_half_precision_give_a_similar_gradient(tmp_path, device, fusion):
    size = replace(SIZE, loss_batch=8, batch=3, fusion=fusion)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        whole = gradient(replace(size, batch=8), device, tmp_path)
        half = gradient(replace(size, dtype="bfloat16"), device, tmp_path)
    assert half @ whole > HALF_PRECISION_COSINE * half.norm() * whole.norm()


@pytest.mark.parametrize(("device", "fusion"), HALF_PRECISION_CASES)
def test_steps_in_half_precision_have_finite_losses(tmp_path, device, fusion):
    size = replace(SIZE, dtype="bfloat16", fusion=fusion, steps=2)
    trainer = FineTuner(
        random_task.make_task(size, device, tmp_path), [training_ways.Clock(device)]
    )
    trainer.train()
    found = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(found) == 3
    assert np.isfinite(found).all()


def peak(size, device, work):
    """Return the peak memory, in bytes, of steps on recordings of ten seconds."""
    task = with_equal_lengths(random_task.make_task(size, device, work), seconds=10)
    return peak_memory.measure_peak(
        FineTuner(task, [training_ways.Clock(device)]).train, device
    )


@pytest.mark.parametrize("device", [CUDA])
def test_peak_memory_depends_on_the_batch_and_not_on_the_loss_batch(tmp_path, device):
    size = replace(SIZE, model="small", fusion="audio", batch=8, dtype="bfloat16")
    few, many, at_once = (
        peak(replace(size, **changes), device, tmp_path)
        for changes in (
            {"loss_batch": 8},
            {"loss_batch": 64},
            {"loss_batch": 64, "batch": 64},
        )
    )
    assert many < 1.5 * few
    assert at_once > 2 * few  # otherwise the previous assertion could not fail
