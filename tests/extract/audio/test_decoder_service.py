"""Many requests in flight in decoding processes that share memory with this one."""

import os
import threading

import decoder_accidents
import numpy as np
import pytest
import soundfile
from spoken_corpus import noise, record

from affuse.extract.audio import (
    decoder_pool,
    decoder_service,
    decoding,
    sample_checks,
    shared_memory,
)
from affuse.extract.audio.decoder_service import Question
from affuse.extract.audio.sample_digest import fingerprint
from affuse.extract.audio.shared_memory import Blocks
from affuse.extract.audio.sound_requests import SoundRequest
from affuse.extract.audio.waveform_standardisation import standardise

CRASHED = "crashed the decoder; convert it again"
SHARED = pytest.mark.skipif(
    not shared_memory.IS_SUPPORTED, reason="this system has no shared memory"
)


@pytest.fixture
def pool(monkeypatch):
    """Pool of processes that fail in ways that the file name selects."""
    monkeypatch.setattr(decoder_pool, "TICK", 0.05)
    made = decoder_pool.Pool(decoder_accidents.MAIN)
    monkeypatch.setattr(decoder_pool, "pool", made)
    yield made
    made.close()


def requests(folder, names, seconds=0.1, **options):
    """Write a recording of each name, and return requests for them."""
    return [
        SoundRequest(
            record(folder / f"{name}.wav", noise(800 + i, seed=i), subtype="FLOAT"),
            longest=60.0,
            seconds=seconds,
            **options,
        )
        for i, name in enumerate(names)
    ]


def load_all(asked, threads=1):
    """Return the samples or the reason of each request, in order."""
    found = dict(decoder_pool.load_all(asked, threads, lambda _, wave: wave.samples))
    return [
        str(found[i]) if isinstance(found[i], decoding.Unusable) else found[i]
        for i in range(len(asked))
    ]


def check(found, refused, reason):
    """Assert that only some requests were refused, and that others have samples."""
    for i, samples in enumerate(found):
        if i in refused:
            assert samples == reason
        else:
            np.testing.assert_array_equal(samples, noise(800 + i, seed=i))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("accident", ["die", "end", "spill", "promise", "oversize"])
def test_a_crash_among_many_files_costs_only_that_file(
    tmp_path, pool, accident, threads
):
    names = [f"good {i}" for i in range(60)]
    names[7], names[30] = f"{accident} load", f"x/{accident} load"
    found = load_all(requests(tmp_path, names), threads)
    check(found, {7, 30}, CRASHED)
    assert len(pool.workers) <= threads


def test_a_hang_among_many_files_costs_only_that_file(tmp_path, pool):
    names = [f"good {i}" for i in range(40)]
    names[20] = "hang load"
    asked = requests(tmp_path, names)
    pool.deadline = 2.0
    check(load_all(asked), {20}, "was not decoded within 2 s; convert it again")


def test_a_file_is_not_refused_for_the_damage_of_an_earlier_one(tmp_path, pool):
    names = [f"good {i}" for i in range(20)]
    names[4] = "poison load"  # the process dies at the next file
    check(load_all(requests(tmp_path, names)), set(), "")


@pytest.mark.parametrize("threads", [1, 2])
def test_crashes_among_probed_files_cost_only_them(tmp_path, pool, threads):
    names = [f"good {i}" for i in range(30)]
    names[0] = names[29] = "die probe"
    names[29] = "x/die probe"
    paths = [request.path for request in requests(tmp_path, names)]
    found = dict(decoder_pool.probe_all(paths, threads))
    for i, path in enumerate(paths):
        if i in (0, 29):
            assert str(found[i]) == CRASHED
        else:
            assert found[i] == decoding.probe(path)


@SHARED
def test_samples_lie_in_shared_memory(tmp_path, pool):
    (found,) = load_all(requests(tmp_path, ["a"]))
    assert isinstance(found.base, shared_memory.Lease) or found.base is not None
    assert not found.flags.owndata


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_samples_without_enough_room_go_through_the_pipe(tmp_path, pool, seconds):
    names = [f"good {i}" for i in range(20)]
    check(load_all(requests(tmp_path, names, seconds)), set(), "")


def test_without_shared_memory_samples_go_through_the_pipe(tmp_path, monkeypatch, pool):
    for module in (decoder_service, shared_memory):
        monkeypatch.setattr(module, "IS_SUPPORTED", False)
    names = [f"good {i}" for i in range(20)]
    names[3] = "die load"
    found = load_all(requests(tmp_path, names))
    check(found, {3}, CRASHED)
    assert all(samples.flags.owndata for samples in found[4:])


@SHARED
def test_a_recording_longer_than_a_block_gets_a_larger_one(tmp_path, monkeypatch):
    monkeypatch.setattr(decoder_service, "USUAL", 4_000)
    lengths = (1_000, 9_000, 3_000)
    asked = [
        SoundRequest(
            record(tmp_path / f"{n}.wav", noise(n), subtype="FLOAT"),
            longest=60.0,
            seconds=n / 16_000,
        )
        for n in lengths
    ]
    for samples, n in zip(load_all(asked), lengths, strict=True):
        np.testing.assert_array_equal(samples, noise(n))


@SHARED
def test_samples_go_through_the_pipe_if_a_block_cannot_be_attached(
    tmp_path, monkeypatch, pool
):
    code = "from affuse.extract.audio import shared_memory as m\n"
    code += "m.mmap.mmap = lambda *_: (_ for _ in ()).throw(OSError(12, 'no memory'))\n"
    pool.main = pool.main.replace("import numpy as np\n", f"import numpy as np\n{code}")
    names = [f"good {i}" for i in range(20)]
    found = load_all(requests(tmp_path, names))
    check(found, set(), "")
    assert all(samples.flags.owndata for samples in found)


@SHARED
def test_blocks_are_used_again_when_no_array_lies_in_them(tmp_path, pool):
    asked = requests(tmp_path, [f"good {i}" for i in range(40)])
    for _ in range(5):
        check(load_all(asked), set(), "")
    (worker,) = pool.workers
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        load_all(asked)
    assert len(os.listdir("/proc/self/fd")) == descriptors
    assert len(worker.blocks._free) <= 2 * decoder_service.AHEAD + 1


@SHARED
def test_samples_that_are_held_are_not_overwritten(tmp_path, pool):
    asked = requests(tmp_path, [f"good {i}" for i in range(40)])
    first = load_all(asked)
    second = load_all(asked[::-1])
    check(first, set(), "")
    check(second[::-1], set(), "")


@SHARED
def test_a_decoding_process_cannot_shrink_shared_memory(tmp_path, pool):
    names = ["good 0", "shrink load", "good 2"]
    found = load_all(requests(tmp_path, names))
    np.testing.assert_array_equal(found[0], noise(800))  # SIGBUS would end the tests
    descriptor, array = Blocks().lease(100)
    with pytest.raises(PermissionError):
        os.ftruncate(descriptor, 0)
    assert len(array) == shared_memory.USUAL


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_the_process_standardises_samples_and_computes_their_digest(tmp_path, rate):
    path = record(tmp_path / "a.wav", noise(5_000), rate)
    asked = [
        SoundRequest(path, longest=9.0, seconds=1.0, standardised=s, has_digest=d)
        for s, d in ((True, True), (False, True), (True, False))
    ]
    found = dict(decoder_pool.load_all(asked, 1, lambda _, wave: wave))
    wanted = decoding.load(path, longest=9.0)
    for i, request in enumerate(asked):
        samples = wanted.samples
        if request.standardised:
            samples = standardise(samples)
        np.testing.assert_array_equal(found[i].samples, samples)
        digest = fingerprint(wanted.samples) if request.has_digest else ""
        assert found[i].digest == digest
        assert found[i].notes == wanted.notes


def test_an_error_of_this_process_ends_the_requests(tmp_path, pool):
    def use(place, wave):
        if place == 5:
            raise RuntimeError("no such luck")
        return wave

    asked = requests(tmp_path, [f"good {i}" for i in range(30)])
    with pytest.raises(RuntimeError, match="no such luck"):
        list(decoder_pool.load_all(asked, 2, use))
    check(load_all(asked), set(), "")


def test_closed_answers_end_their_threads_and_processes(tmp_path, pool):
    asked = requests(tmp_path, ["hang load", *(f"good {i}" for i in range(30))])
    before = threading.active_count()
    answers = decoder_pool.load_all(asked, 2, lambda _, wave: wave)
    next(answers)
    answers.close()
    assert threading.active_count() <= before + 1  # that watches the deadlines
    with pytest.raises(StopIteration):
        next(answers)


def test_messages_are_small_and_keep_the_order(tmp_path):
    questions = [Question(i, "load", tmp_path / str(i), None) for i in range(100)]
    made = list(decoder_service.messages(questions, 1))
    assert [q.index for message in made for q in message] == list(range(100))
    assert max(map(len, made)) == decoder_service.LARGEST
    assert len(list(decoder_service.messages(questions[:8], 2))) == 8
    large = [
        Question(i, "load", tmp_path, None, room=shared_memory.USUAL // 2 + 1)
        for i in range(50)
    ]
    assert max(map(len, decoder_service.messages(large, 1))) == 1
    named = [Question(i, "probe", tmp_path / ("x" * 3000), None) for i in range(50)]
    assert max(map(len, decoder_service.messages(named, 1))) == 2


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", ["WAV", "FLAC", "AIFF", "AU", "CAF", "W64", "NIST"])
def test_samples_of_16_bits_equal_those_of_libsndfile(tmp_path, form, channels):
    rng = np.random.default_rng(0)
    values = rng.integers(-(2**15), 2**15, (5_000, channels), np.int16)
    values[:2] = [[-(2**15)], [2**15 - 1]]
    path = tmp_path / "a"
    soundfile.write(path, values, 16_000, format=form, subtype="PCM_16")
    with soundfile.SoundFile(path) as file:
        found = sample_checks._read(file, 9_000)
        file.seek(0)
        wanted = file.read(dtype="float32", always_2d=True)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
