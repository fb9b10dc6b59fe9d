"""Decoding processes, and files that hang, crash or mislead them."""

import csv
import os
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import decoder_accidents
import numpy as np
import pytest
from locations import ROOT
from spoken_corpus import corpus, noise, record, rows, run

from affuse.data.cache import store
from affuse.data.options.extraction_options import Extract
from affuse.data.records import Utterance
from affuse.data.system.atomic_files import claim
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.commands import extract_command

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and file locks")
CRASHED = "crashed the decoder; convert it again"


@pytest.fixture
def pool(monkeypatch):
    """Pool of processes that fail in ways that the file name selects."""
    monkeypatch.setattr(decoder_pool, "TICK", 0.05)
    made = decoder_pool.Pool(decoder_accidents.MAIN)
    monkeypatch.setattr(decoder_pool, "pool", made)
    yield made
    made.close()


def ask(task, path, **options):
    """Probe or load a file, and return a result that can be compared."""
    if task == "probe":
        return decoder_pool.probe(path)
    return decoder_pool.load(path, longest=60.0, **options).samples.tolist()


def reason(task, path, **options):
    """Return the reason why a file is refused; fail if it is not refused."""
    with pytest.raises(decoding.Unusable) as caught:
        ask(task, path, **options)
    return str(caught.value)


def decodes_a_file(folder):
    """Return True if the pool still decodes a valid file correctly."""
    path = record(folder / "whole.wav", noise(800), subtype="FLOAT")
    return ask("load", path) == noise(800).tolist() and ask("probe", path).seconds


def stop_soon(pool):
    pool.deadline = 0.3


# The same samples and the same reasons


@pytest.mark.parametrize("span", [None, (0.1, None), (0.1, 1 / 3)])
@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("a.wav", 16_000, 1), ("a.flac", 8_000, 1), ("a.ogg", 44_100, 2)],
)
def test_pool_returns_the_samples_and_notes_of_decoding(
    tmp_path, name, rate, channels, span
):
    samples = noise(rate * channels).reshape(-1, channels)
    path = record(tmp_path / name, samples, rate)
    found = decoder_pool.load(path, span, longest=60.0)
    wanted = decoding.load(path, span, longest=60.0)
    np.testing.assert_array_equal(found.samples, wanted.samples)
    assert found.samples.dtype == np.float32
    assert found.samples.flags.writeable
    assert found.notes == wanted.notes
    assert decoder_pool.probe(path) == decoding.probe(path)


def test_pool_decodes_one_channel(tmp_path):
    path = record(tmp_path / "a.flac", noise(1600).reshape(-1, 2))
    for channel in (1, np.int64(2)):
        found = decoder_pool.load(path, longest=60.0, channel=channel)
        wanted = decoding.load(path, longest=60.0, channel=int(channel))
        np.testing.assert_array_equal(found.samples, wanted.samples)
        assert found.notes == (f"channel {channel} of 2 was taken",)
    assert reason("load", path, channel=3) == "has channels 1 to 2, and no channel 3"


def test_spans_reach_the_decoder_without_rounding(tmp_path):
    path = record(tmp_path / "a.wav", noise(16_000), subtype="FLOAT")
    begin, end = (
        np.float64(0.1) + np.float64(0.2),
        np.float32(0.7),
    )  # 0.30000000000000004
    found = decoder_pool.load(path, (begin, end), longest=np.float64(0.5))
    wanted = decoding.load(path, (begin, end), longest=0.5)
    np.testing.assert_array_equal(found.samples, wanted.samples)


def test_pool_gives_the_reasons_of_decoding(tmp_path):
    nan = np.where(np.arange(800) == 7, np.nan, noise(800))
    record(tmp_path / "nan.wav", nan, subtype="FLOAT")
    record(tmp_path / "nine.wav", np.stack([noise(800)] * 9, axis=1))
    record(tmp_path / "long.wav", noise(61 * 4000), 4000)
    cut = record(tmp_path / "cut.wav", noise(800))
    cut.write_bytes(cut.read_bytes()[:900])
    (tmp_path / "text.wav").write_text("no sound\n" * 9)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "folder.wav").mkdir()
    for path in (*sorted(tmp_path.iterdir()), tmp_path / "missing.wav"):
        with pytest.raises(decoding.Unusable) as caught:
            decoding.load(path, longest=60.0)
        assert reason("load", path) == str(caught.value)
    for name in ("text", "empty", "folder", "missing"):
        with pytest.raises(decoding.Unusable) as caught:
            decoding.probe(tmp_path / f"{name}.wav")
        assert reason("probe", tmp_path / f"{name}.wav") == str(caught.value)


@pytest.mark.parametrize("name", ["日本語", "it's 100%", "two\nlines", '"quoted\\"'])
def test_file_names_in_any_script_are_read(tmp_path, name):
    assert decodes_a_file(tmp_path / name)


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes here")
def test_undecodable_file_names_are_refused(tmp_path):
    path = record(tmp_path / "a.wav", noise(800))
    path = path.rename(tmp_path / os.fsdecode(b"caf\xe9.wav"))
    assert reason("load", path) == "has a name that is not valid UTF-8; rename it"
    folder = tmp_path / os.fsdecode(b"\xff")
    assert reason("probe", folder / "none.wav").startswith("cannot be read: No such")


def test_relative_paths_follow_the_working_directory(tmp_path, monkeypatch):
    for name in ("one", "two"):
        record(tmp_path / name / "a.wav", noise(800, seed=len(name) + ord(name[0])))
        monkeypatch.chdir(tmp_path / name)
        path = Path("a.wav")
        np.testing.assert_array_equal(
            decoder_pool.load(path, longest=1.0).samples,
            decoding.load(path, longest=1.0).samples,
        )


# Files that hang or crash the decoder


@pytest.mark.parametrize("task", ["probe", "load"])
def test_a_file_that_hangs_the_decoder_is_named(tmp_path, pool, task):
    path = record(tmp_path / f"hang {task}.wav", noise(800))
    assert decodes_a_file(tmp_path)
    stop_soon(pool)
    assert reason(task, path) == "was not decoded within 0 s; convert it again"
    pool.deadline = decoder_pool.DEADLINE
    assert decodes_a_file(tmp_path)
    assert len(pool.workers) == 1


def test_large_files_get_longer_deadlines(tmp_path, pool, monkeypatch):
    path = record(tmp_path / "hang load.wav", noise(800))
    monkeypatch.setattr(decoder_pool, "SLOWEST", path.stat().st_size / 1.1)
    stop_soon(pool)
    assert reason("load", path).startswith("was not decoded within 1 s")


@pytest.mark.parametrize("task", ["probe", "load"])
@pytest.mark.parametrize("accident", ["die", "end", "spill", "misnumber", "list"])
def test_a_file_that_crashes_the_decoder_is_named(tmp_path, pool, accident, task):
    path = record(tmp_path / f"{accident} {task}.wav", noise(800))
    assert reason(task, path) == CRASHED
    assert decodes_a_file(tmp_path)
    assert len(pool.workers) == 1


@pytest.mark.parametrize("accident", ["promise", "speed"])
def test_invalid_answers_of_the_decoder_are_refused(tmp_path, pool, accident):
    path = record(tmp_path / f"{accident} load.wav", noise(800))
    assert reason("load", path) == CRASHED
    assert decodes_a_file(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is not bounded here")
def test_memory_of_the_decoder_is_limited(tmp_path, pool):
    path = record(tmp_path / "allocate load.wav", noise(800))
    assert reason("load", path).startswith("takes more memory than its length explains")
    assert decodes_a_file(tmp_path)


def test_an_unexpected_error_refuses_only_its_file(tmp_path, pool):
    path = record(tmp_path / "fail load.wav", noise(800))
    assert reason("load", path) == "cannot be decoded: RuntimeError: no such luck"


@pytest.mark.parametrize("task", ["probe", "load"])
def test_output_of_a_library_does_not_disturb_the_answers(tmp_path, pool, task):
    path = record(tmp_path / f"say {task}.wav", noise(800), subtype="FLOAT")
    assert ask(task, path) == (
        decoding.probe(path) if task == "probe" else noise(800).tolist()
    )


def hanging_wave():
    """Return a WAV header whose LIST has a chunk of -8 bytes (libsndfile #1118)."""
    parts = (
        (b"fmt ", struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)),
        (b"LIST", b"INFO" + b"abcd" + struct.pack("<i", -8) + bytes(40)),
        (b"data", bytes(64)),
    )
    body = b"".join(n + struct.pack("<I", len(c)) + c for n, c in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def test_a_header_that_hangs_libsndfile_is_refused(tmp_path, monkeypatch):
    made = decoder_pool.Pool()
    monkeypatch.setattr(decoder_pool, "pool", made)
    path = tmp_path / "endless.wav"
    path.write_bytes(hanging_wave())
    assert decodes_a_file(tmp_path)
    stop_soon(made)
    with suppress(decoding.Unusable):  # libsndfile 1.2.2 hangs; a later one may read it
        assert decoder_pool.probe(path).seconds == 32 / 16_000
    made.deadline = decoder_pool.DEADLINE
    assert decodes_a_file(tmp_path)
    made.close()


def test_extraction_continues_after_files_that_hang_or_crash_the_decoder(
    tmp_path, pool
):
    found = corpus(
        tmp_path,
        *(
            Utterance(n, audio=record(tmp_path / "bad" / f"{n}.wav", noise(800 + i)))
            for i, n in enumerate(("hang probe", "hang load", "die probe", "die load"))
        ),
        count=8,
    )
    whole = run(corpus(tmp_path, count=8), tmp_path / "fresh")
    pool.deadline = 3.0  # enough for files that do not hang
    cache = tmp_path / "cache"
    options = Extract(
        corpus="",
        modalities=("audio",),
        audio_checkpoint="tiny",
        layers=("last",),
        pooling=("mean",),
        dtype="float32",
        device="cpu",
        threads=2,
        max_seconds=60.0,
        cache=cache,
    )
    lines = []
    left_out, _ = extract_command.encode(found, options, lines.append)
    assert left_out == 4
    with (cache / "toy" / "problems.csv").open(newline="") as file:
        said = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    late = "was not decoded within 3 s; convert it again"
    assert said == {
        f"bad{os.sep}hang probe.wav": late,
        f"bad{os.sep}hang load.wav": late,
        f"bad{os.sep}die probe.wav": CRASHED,
        f"bad{os.sep}die load.wav": CRASHED,
    }
    (made,) = store.find(cache)
    stored = store.load(made)
    assert sorted(stored.ids) == [f"u{i:03d}" for i in range(8)]
    for name, vector in rows(whole).items():
        row = stored.vector(stored.ids.index(name))
        np.testing.assert_allclose(row, vector, rtol=1e-4, atol=1e-4)  # other batches


# Processes


def test_one_thread_reuses_one_decoding_process(tmp_path, pool):
    assert pool.workers == set()
    assert decodes_a_file(tmp_path)
    (kept,) = pool.workers
    assert decodes_a_file(tmp_path)
    assert pool.workers == {kept}


def test_threads_decode_in_parallel(tmp_path, pool):
    path = record(tmp_path / "hang load.wav", noise(800))
    caught = []
    thread = threading.Thread(target=lambda: caught.append(reason("load", path)))
    thread.start()
    until = time.monotonic() + 60
    while not path.with_suffix(".met").exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert decodes_a_file(tmp_path)  # in another process
    (busy,) = pool.workers - set(pool.idle)
    busy.until = 0.0
    thread.join()
    assert caught == ["was not decoded within 120 s; convert it again"]
    assert len(pool.workers) == 1


def test_each_of_many_threads_gets_its_own_file(tmp_path):
    paths = [
        record(tmp_path / f"{i}.wav", noise(400 + i, seed=i), subtype="FLOAT")
        for i in range(40)
    ]
    with ThreadPoolExecutor(4) as threads:
        found = list(
            threads.map(lambda path: decoder_pool.load(path, longest=1), paths)
        )
    for i, wave in enumerate(found):
        np.testing.assert_array_equal(wave.samples, noise(400 + i, seed=i))


def test_a_decoding_process_that_ended_is_replaced(tmp_path, pool):
    assert decodes_a_file(tmp_path)
    (idle,) = pool.workers
    idle.process.kill()
    idle.process.wait()
    assert decodes_a_file(tmp_path)
    assert len(pool.workers) == 1


@pytest.mark.parametrize(
    ("main", "why"),
    [
        ("raise SystemExit", "its process ends at once"),
        (
            "import sys; sys.path[:] = sys.argv[1:]; sys.modules['soundfile'] = None;"
            "from affuse.extract.audio.decoder_main import main; main()",
            "import of soundfile halted",
        ),
    ],
)
def test_a_decoder_that_does_not_start_is_an_os_error(tmp_path, main, why):
    path = record(tmp_path / "a.wav", noise(800))
    with pytest.raises(OSError, match=f"the decoder of sound files does not.*{why}"):
        decoder_pool.Pool(main).ask("probe", path, lambda found, _: found)


def test_a_decoding_process_does_not_import_torch_or_librosa():
    code = (
        "import affuse.extract.audio.decoder_main, soundfile, sys;"
        "print({'torch', 'librosa', 'transformers', 'numba'} & set(sys.modules))"
    )
    made = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert made.stdout == "set()\n"


def begin(code, path):
    """Start a Python process whose decoder holds a lock, and wait for its output."""
    head = """
import os, sys, threading, time
sys.path[:0] = ['tests/support', '.']
from pathlib import Path
import decoder_accidents
from affuse.extract.audio import decoder_pool as decoder
pool = decoder.pool = decoder.Pool(decoder_accidents.MAIN)
path = Path(sys.argv[1]) / sys.argv[2]
"""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", head + code, path.parent, path.name],
        cwd=ROOT,
        env={**os.environ, "HELD": str(path.parent / "held")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def is_free(lock):
    with claim(lock, wait=False) as free:
        return free


def wait_until_free(lock):
    until = time.monotonic() + 60
    while not is_free(lock) and time.monotonic() < until:
        time.sleep(0.05)
    return is_free(lock)


@FORKS
def test_a_decoding_process_ends_with_its_parent(tmp_path):
    path = record(tmp_path / "a.wav", noise(800))
    code = "decoder.probe(path); print('ready', flush=True); time.sleep(600)"
    with begin(code, path) as parent:
        assert not is_free(tmp_path / "held")
        parent.kill()
        assert wait_until_free(tmp_path / "held")


@FORKS
def test_a_hanging_decoder_ends_soon_after_a_killed_parent(tmp_path):
    path = record(tmp_path / "hang probe.wav", noise(800))
    code = """
pool.deadline = 1.0
decoder.TICK = 600.0
threading.Thread(target=decoder.probe, args=[path], daemon=True).start()
while not path.with_suffix(".met").exists():
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600)"""
    with begin(code, path) as parent:
        parent.kill()
        parent.wait()
        assert wait_until_free(tmp_path / "held")


@FORKS
def test_decoding_processes_end_at_exit(tmp_path):
    path = record(tmp_path / "a.wav", noise(800))
    with begin("decoder.probe(path); print('ready', flush=True)", path) as parent:
        assert parent.wait(timeout=60) == 0
    assert is_free(tmp_path / "held")


@FORKS
def test_a_forked_process_starts_its_own_decoders(tmp_path):
    path = record(tmp_path / "a.wav", noise(800))
    code = """
found = decoder.probe(path)
(before,) = pool.workers
os.environ.pop("HELD")
child = os.fork()
if not child:
    assert not pool.workers
    assert before.answers.closed
    assert decoder.probe(path) == found
    (own,) = pool.workers
    good = own.process.pid != before.process.pid
    pool.close()
    os._exit(7 if good else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert decoder.probe(path) == found
assert pool.workers == {before}
print("ready", flush=True)"""
    with begin(code, path) as parent:
        assert parent.wait(timeout=60) == 0


def test_closing_twice_is_harmless(tmp_path, pool):
    assert decodes_a_file(tmp_path)
    pool.close()
    pool.close()
    assert decodes_a_file(tmp_path)
