"""Stage one on a local dask cluster: a scheduler and workers, each a process."""

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from background_shards import Background, hidden_files, hold_part
from extraction_calls import run_extract
from locations import ROOT
from part_limits import limit_parts
from spoken_corpus import CHOICES, MACHINE, corpus, images, run

from affuse.extract.caching.extraction import CacheFilling, extract
from affuse.extract.encoding.encoder_loading import load
from affuse.extract.parallel import cluster, spreading

distributed = pytest.importorskip(
    "distributed", reason="dask is not installed; the extra 'cluster' brings it"
)
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are killed here")

COUNT, PARTS = 24, 8  # utterances, and parts of three


class Processes:
    """Scheduler and workers, which end with the test."""

    def __init__(self, folder):
        self._folder = folder
        self._started = []
        self.address = ""

    def scheduler(self):
        file = self._folder / f"scheduler{len(self._started)}.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        process = self._start("scheduler", *options)
        until = time.monotonic() + 60
        while not file.exists() or not file.read_text():
            assert time.monotonic() < until
            time.sleep(0.02)
        self.address = json.loads(file.read_text())["address"]
        return process

    def worker(self, *options):
        options = (self.address, "--nthreads", "1", "--no-nanny", *options)
        return self._start("worker", *options, "--local-directory", str(self._folder))

    def _start(self, what, *options):
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (self._folder / f"{what}{len(self._started)}.log").open("w") as log:
            process = subprocess.Popen(
                [*command, "--no-dashboard"],
                cwd=self._folder,  # not the project's: paths must not depend on it
                env=environment,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process

    def end(self):
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture
def processes(tmp_path):
    (tmp_path / "dask").mkdir()
    found = Processes(tmp_path / "dask")
    yield found
    found.end()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=3)


def extract_on_cluster(found, cache, address, modality="audio", **options):
    """Run stage one on the workers of a scheduler."""
    choice = CHOICES[modality]
    workers = spreading.Workers(scheduler=address, device="cpu", threads=1)
    how = partial(spreading.fill, workers=workers, choice=choice, say=print)
    filling = CacheFilling(fill=how)
    return extract(found, choice, MACHINE, cache, filling=filling, **options)


def busy_workers(address):
    """Return the process ids of the workers that are making a shard."""
    with distributed.Client(address, set_as_default=False) as client:
        numbers = client.run(os.getpid)
        return [numbers[worker] for worker, keys in client.processing().items() if keys]


@pytest.mark.slow
def test_a_killed_worker_is_replaced_by_another(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(spreading, "SHARDS", 1)  # so that one has made parts and dies
    found = corpus(tmp_path, count=COUNT)
    alone = run(found, tmp_path / "alone")
    processes.scheduler()
    workers = [processes.worker(), processes.worker()]
    monkeypatch.chdir(tmp_path)
    cache = Path("cache")  # relative to a folder that is not the workers'
    folder = cache / "toy" / alone.folder.name
    with hold_part(folder, PARTS - 2) as others:
        job = Background(partial(extract_on_cluster, found, cache, processes.address))
        others(PARTS)
        (number,) = busy_workers(processes.address)
        (worker,) = (w for w in workers if w.pid == number)
        worker.kill()
        worker.wait()
    outcome = job.result()
    assert images(folder) == images(alone.folder)
    assert (outcome.utterances, outcome.complete) == (COUNT, True)
    assert outcome.encoded < alone.encoded  # as the dead one sent no receipt
    assert hidden_files(folder) == []


@pytest.mark.slow
def test_finished_parts_survive_a_lost_scheduler(tmp_path, processes):
    found = corpus(tmp_path, count=COUNT)
    alone = run(found, tmp_path / "alone", "text")
    folder = tmp_path / "cache" / "toy" / alone.folder.name
    scheduler = processes.scheduler()
    processes.worker()
    again = partial(extract_on_cluster, found, tmp_path / "cache", modality="text")
    with hold_part(folder, PARTS - 2) as others:
        job = Background(partial(again, processes.address))
        others(PARTS)
        scheduler.kill()
        with pytest.raises(ValueError, match="the scheduler at .* was lost; start it"):
            job.result()
        processes.end()
    made = images(folder)
    processes.scheduler()
    processes.worker()
    outcome = again(processes.address)
    assert images(folder) == images(alone.folder)
    assert made.items() < images(folder).items()
    lacking = sorted(found.utterances, key=lambda u: (-len(u.text), u.id))[18:21]
    assert outcome.encoded == sum(len(u.text) for u in lacking)
    assert hidden_files(folder) == []


@pytest.mark.slow
def test_an_error_of_a_worker_is_one_sentence(tmp_path, processes):
    found = corpus(tmp_path, count=6)
    encoder = load(CHOICES["text"], MACHINE)
    encoder.checkpoint = type(encoder.checkpoint)(
        encoder.checkpoint.model, "tiny", "", weights="0" * 16
    )
    processes.scheduler()
    processes.worker()
    with pytest.raises(ValueError, match="another checkpoint under the name 'tiny'"):
        extract_on_cluster(found, tmp_path, processes.address, "text", encoder=encoder)
    workers = {"scheduler": processes.address, "device": "cuda"}
    with pytest.raises(ValueError, match=r"no worker .* offers a GPU; .* GPU=1$"):
        run_extract(found, tmp_path, **workers)


def test_a_scheduler_without_workers_is_an_error(tmp_path, processes, monkeypatch):
    monkeypatch.setattr(cluster, "WAIT", 0.1)
    processes.scheduler()
    with pytest.raises(ValueError, match="has no workers; start some with: dask work"):
        extract_on_cluster(
            corpus(tmp_path, count=3), tmp_path, processes.address, "text"
        )


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://", "a b"])
def test_a_scheduler_that_does_not_answer_is_an_error(tmp_path, monkeypatch, address):
    monkeypatch.setattr(cluster, "CONNECT", 0.5)
    with pytest.raises(ValueError, match="no scheduler answers at '.*'; give the addr"):
        extract_on_cluster(corpus(tmp_path, count=3), tmp_path, address, "text")


def test_a_scheduler_without_dask_installed_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    found = corpus(tmp_path, count=3)
    with pytest.raises(ValueError, match=r"needs dask, .* pip install '.\[cluster\]'$"):
        extract_on_cluster(found, tmp_path, "tcp://127.0.0.1:1", "text")
    with pytest.raises(ValueError, match="--processes is for one machine, --schedule"):
        run_extract(found, tmp_path, scheduler="tcp://127.0.0.1:1", processes=2)
