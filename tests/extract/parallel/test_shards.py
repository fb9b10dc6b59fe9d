"""Parts by several processes and jobs, compared with those of one process."""

import errno
import os
import pickle
import signal
import socket
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from background_shards import Background, hidden_files, hold_part
from extraction_calls import EXTRACT_OPTIONS, run_extract
from joblib.externals.loky import get_reusable_executor
from part_limits import limit_parts
from small_caches import find_damage
from spoken_corpus import CHOICES, MACHINE, corpus, images, record, run

from affuse.data.cache import store
from affuse.data.cache.recipe import Recipe
from affuse.data.options.extraction_options import Extract
from affuse.data.records import Utterance
from affuse.extract.caching.encoder_inputs import InputSource
from affuse.extract.caching.extraction import CacheFilling, extract
from affuse.extract.caching.job_shares import JobShare
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.extract.parallel import processes, shards, spreading
from affuse.extract.parallel.shards import Shard, encode

COUNT = 40
PARTS = 14  # of three utterances


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=3)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return a corpus, and the parts that one process makes of it, by modality."""
    root = tmp_path_factory.mktemp("corpus")
    found = corpus(root, count=COUNT)
    torch.set_num_threads(1)  # as elsewhere: sums in another order differ
    with pytest.MonkeyPatch.context() as patch:
        limit_parts(patch, part_rows=3)
        return found, {m: run(found, root / "cache", m) for m in ("audio", "text")}


def extract_with_workers(found, cache, workers, modality="audio", **options):
    """Run stage one in other processes."""
    choice = CHOICES[modality]
    how = partial(spreading.fill, workers=workers, choice=choice, say=print)
    filling = CacheFilling(fill=how)
    return extract(found, choice, MACHINE, cache, filling=filling, **options)


# Content of a shard


def make_shard(root, number_of_parts, modality="audio"):
    """Return a shard with all parts of a generated corpus."""
    plan = {
        n: (
            InputSource(
                Utterance(
                    f"u{n}",
                    audio=root / "a.wav",
                    span=(0.0, 1.0),
                    transcript="Yes!",
                    text="yes",
                    ratings={"valence": 1.0},
                    speaker="s",
                ),
                content=f"{n:032d}",
                size=1.0,
            ),
        )
        for n in range(number_of_parts)
    }
    choice = CHOICES[modality]
    recipe = make_recipe("toy", choice, load(choice, MACHINE), "0" * 16)
    return Shard(
        root, recipe.text(), root, choice, MACHINE, number_of_parts, plan, root
    )


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("count", [1, 7, 8, 200, 1000])
def test_shards_cover_every_part_once(tmp_path, count, workers):
    found = spreading.divide(make_shard(tmp_path, count), workers)
    assert [n for shard in found for n in shard.plan] == list(range(count))
    assert max(len(shard.plan) for shard in found) <= spreading.SHARD_PARTS
    assert len(found) >= min(count, spreading.SHARDS * workers)


@pytest.mark.parametrize(
    ("modality", "kept"),
    [("audio", {"span": (0.0, 1.0)}), ("text", {"text": "yes"})],
)
def test_shards_hold_only_the_encoded_modality(tmp_path, modality, kept):
    (shard,) = spreading.divide(make_shard(tmp_path, 1, modality), 1)
    (sent,) = pickle.loads(pickle.dumps(shard)).plan[0]
    assert sent.utterance == Utterance("u0", audio=tmp_path / "a.wav", **kept)
    with pytest.raises(TypeError, match="weak reference"):
        __import__("weakref").ref(shard)  # or joblib would copy it to a worker first


def test_folders_are_sent_with_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    choice = replace(CHOICES["audio"], checkpoint="mine")
    assert spreading.with_absolute_path(choice).checkpoint == str(tmp_path / "mine")
    for name in ("", "tiny", "owner/name"):
        choice = replace(CHOICES["audio"], checkpoint=name)
        assert spreading.with_absolute_path(choice) == choice


# Errors in a worker


@pytest.fixture
def shard_and_steps(tmp_path, monkeypatch):
    """Return a shard and a list of results; each attempt to make it takes the next."""
    steps = []

    def fill(folder, plan, build, **_):
        step = steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    monkeypatch.setattr(shards, "fill", fill)
    monkeypatch.setattr(shards, "PAUSES", (0.0, 0.0))
    monkeypatch.setattr(shards, "_encoders", {})
    return make_shard(tmp_path, 2), steps


@pytest.mark.parametrize(
    "error", [OSError(errno.EIO, "I/O error"), RuntimeError("CUDA error: unknown")]
)
def test_temporary_errors_are_tried_again(shard_and_steps, error):
    shard, steps = shard_and_steps
    steps += [error, error, 7.0]
    receipt = encode(shard)
    assert (receipt.parts, receipt.encoded) == ((0, 1), 7.0)
    assert receipt.host == socket.gethostname()
    steps += [error] * 3 + [7.0]
    with pytest.raises(ValueError, match=r"^parts \[0, 1\] of .* in 3 attempts: .*err"):
        encode(shard)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "disk full"), RuntimeError("a bug"), ValueError()]
)
def test_lasting_errors_are_not_tried_again(shard_and_steps, error):
    shard, steps = shard_and_steps
    steps += [error, 7.0]
    with pytest.raises(type(error)) as raised:
        encode(shard)
    assert raised.value is error
    assert steps == [7.0]


def test_folders_that_a_worker_does_not_see_are_an_error(shard_and_steps, tmp_path):
    shard, _ = shard_and_steps
    with pytest.raises(ValueError, match="does not see .* as it was made; the cache"):
        encode(replace(shard, mark=tmp_path / "elsewhere"))
    with pytest.raises(ValueError, match="does not see the corpus in"):
        encode(replace(shard, root=tmp_path / "elsewhere"))


def test_another_checkpoint_on_a_worker_is_refused(shard_and_steps):
    shard, _ = shard_and_steps
    other = replace(Recipe.parse(shard.recipe), weights="0" * 16)
    with pytest.raises(ValueError, match=r"another checkpoint under .* 'tiny' \(weig"):
        encode(replace(shard, recipe=other.text()))


def test_an_encoder_is_loaded_again_only_if_it_changed(shard_and_steps, monkeypatch):
    shard, steps = shard_and_steps
    loads = []

    def loading(choice, machine):
        loads.append(load(choice, machine))
        return loads[-1]

    monkeypatch.setattr(shards, "load", loading)
    steps += [1.0] * 3
    encode(shard)
    encode(shard)
    assert len(loads) == 1
    # as after a training whose student took the place of another
    loads[0].checkpoint = replace(loads[0].checkpoint, weights="other")
    encode(shard)
    assert len(loads) == 2


def test_each_slot_is_held_by_one_process(tmp_path, monkeypatch):
    taken = []
    for number in (0, 1):
        monkeypatch.setattr(shards, "_slots", {})  # as in another process
        assert shards._slot(tmp_path, 2) == number
        assert shards._slot(tmp_path, 2) == number
        taken.append(shards._slots[tmp_path][1])
    taken[0].close()  # as when that process is killed
    monkeypatch.setattr(shards, "_slots", {})
    assert shards._slot(tmp_path, 2) == 0


# Several processes of one machine


@pytest.mark.slow
def test_processes_make_the_same_bytes(tmp_path, reference):
    found, alone = reference
    two = {"processes": 2, "threads": 2, "modalities": ("text",)}
    count, lines = run_extract(found, tmp_path, **two)
    assert count == 0
    assert lines[0].startswith("text: 2 processes start; each loads its libraries")
    assert lines[1].startswith(f"text: {COUNT} utterances in {tmp_path}")
    assert lines[-1].startswith(
        "the corpus has no ratings, so it can only be predicted"
    )
    folder = tmp_path / "toy" / alone["text"].folder.name
    assert images(folder) == images(alone["text"].folder)
    assert hidden_files(folder) == []


@pytest.mark.slow
def test_processes_make_the_same_bytes_though_one_is_killed(
    tmp_path, reference, monkeypatch, caplog
):
    found, alone = reference
    monkeypatch.setattr(spreading, "SHARDS", 1)  # so that one has made parts and dies
    folder = tmp_path / "toy" / alone["audio"].folder.name
    workers = spreading.Workers(2, device="cpu", threads=1)
    with hold_part(folder, PARTS - 2) as others:
        job = Background(partial(extract_with_workers, found, tmp_path, workers))
        others(PARTS)
        pools = get_reusable_executor(max_workers=2, reuse=True)._processes
        for number in list(pools):
            os.kill(number, signal.SIGKILL)
        while "a process died" not in caplog.text:
            assert job.is_alive()
            time.sleep(0.01)
    outcome = job.result()
    assert images(folder) == images(alone["audio"].folder)
    assert outcome.utterances == COUNT
    # what the dead ones had made is not made again
    assert 0 < outcome.encoded < alone["audio"].encoded
    assert hidden_files(folder) == []
    again = extract_with_workers(found, tmp_path, workers)  # starts no process
    assert (again.encoded, again.complete) == (0, True)


def test_repeated_deaths_of_processes_are_an_error(monkeypatch):
    def dying(self, jobs):
        raise processes.TerminatedWorkerError("killed")
        yield

    monkeypatch.setattr(processes.Processes, "_send", dying)
    with pytest.raises(ValueError, match="a process died 4 times, probably for lack"):
        list(processes.Processes(2, "cpu").make([]))


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, None),
        ({"processes": 1}, None),
        ({"processes": 2, "threads": 6}, spreading.Workers(2, "", "cpu", 3)),
        ({"processes": 4, "threads": 1}, spreading.Workers(4, "", "cpu", 1)),
        ({"scheduler": "tcp://a:1"}, spreading.Workers(0, "tcp://a:1", "cpu", None)),
    ],
)
def test_options_choose_the_workers(options, wanted):
    chosen = Extract(corpus="demo", device="cpu", **options)
    assert spreading.choose(chosen) == wanted


def test_each_cuda_device_gets_one_process(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    options = Extract(corpus="demo", threads=8)
    assert spreading.choose(options) == spreading.Workers(4, "", "cuda", 2)
    assert spreading.choose(replace(options, device="cuda:1")) is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_processes_on_several_devices_make_the_same_bytes(tmp_path):
    found = corpus(tmp_path, count=COUNT)
    on_gpu = {"device": "cuda", "modalities": ("text",), "threads": 2}
    for cache, number in (("1", 1), ("2", 2)):
        count, _ = run_extract(found, tmp_path / cache, processes=number, **on_gpu)
        assert count == 0
    (one,), (two,) = (store.folders(tmp_path / cache) for cache in "12")
    assert images(one) == images(two)


# Shares of an array of jobs


def test_jobs_in_any_order_make_the_same_cache(tmp_path):
    torch.set_num_threads(1)
    files = [record(tmp_path / "bad.wav", [0.0] * 10), tmp_path / "absent.wav"]
    bad = [Utterance(f"b{i}", audio=path, text=".") for i, path in enumerate(files)]
    found = corpus(tmp_path, *bad, count=20)
    whole_cache, shared = tmp_path / "1", tmp_path / "2"
    left_out, _ = run_extract(found, whole_cache)
    counts = []
    for job in ("3/3", "1/3", "2/3"):
        count, lines = run_extract(found, shared, shard=job)
        counts.append(count)
        noted = list(shared.glob("*/current.json"))
        assert bool(noted) == (job == "2/3")  # a cache that lacks parts counts for none
        total = sum(f"shard {job} is done" in line for line in lines)
        assert total == 2  # modalities
        left = {"3/3": 2, "1/3": 1}.get(job)
        end = (
            f"{left} of 3 shards are missing;" if left else "the corpus has no ratings"
        )
        assert lines[-1].startswith(end)
    assert lines[0].endswith(
        "shard 2/3 is done, 7 of 7 parts are there: the cache is complete"
    )
    # each left-out utterance fails one job, so the others' successors may begin
    assert sum(counts) == left_out == 2
    for one, other in zip(
        store.folders(whole_cache), store.folders(shared), strict=True
    ):
        assert images(one) == images(other)
        assert hidden_files(other) == []
    for name in ("problems.csv", "current.json", "corpus.json"):
        (a,), (b,) = whole_cache.glob(f"*/{name}"), shared.glob(f"*/{name}")
        assert a.read_bytes() == b.read_bytes()
    count, lines = run_extract(found, shared, shard="3/3")
    assert "nothing was left to encode" in lines[0]
    assert "the cache is complete" in lines[0]


def test_jobs_without_parts_finish(tmp_path):
    found = corpus(tmp_path, count=3)
    count, lines = run_extract(found, tmp_path / "cache", shard="2/9")
    assert count == 0
    assert "shard 2/9 is done, 0 of 1 parts are there" in lines[0]
    run_extract(found, tmp_path / "cache", shard="1/9")
    assert find_damage(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "0/10",
            "shards are numbered from 1 to 10; for an array of jobs in Slurm, use "
            "--array=1-10",
        ),
        ("11/10", "shards are numbered from 1 to 10"),
        ("1/0", "write the number of the shard and their total, as in 1/10"),
        ("3", "write the number of the shard"),
        ("a/b", "write the number of the shard"),
        ("-1/2", "write the number of the shard"),
        ("/", "write the number of the shard"),
    ],
)
def test_invalid_shards_are_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        JobShare.parse(text)


@pytest.mark.parametrize("where", [{"shard": "1/2"}, {"scheduler": "tcp://a:1"}])
def test_dtype_auto_is_refused_for_several_machines(tmp_path, where):
    with pytest.raises(ValueError, match="--dtype auto suits one machine"):
        run_extract(corpus(tmp_path, count=1), tmp_path, dtype="auto", **where)


@pytest.mark.parametrize("total", [1, 3, 10])
def test_job_shards_cover_every_part_once(total):
    shares = [JobShare(number, total) for number in range(1, total + 1)]
    assert [sum(part in share for share in shares) for part in range(25)] == [1] * 25
    assert EXTRACT_OPTIONS.shard == str(JobShare())
