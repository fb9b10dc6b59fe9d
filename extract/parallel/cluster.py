"""Workers of a cluster, used by joblib through dask; only this module needs dask.

Shards are sent as pickles, see `affuse.extract.parallel.shards`.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from joblib import Parallel, delayed, parallel_config

from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command
from affuse.extract.parallel.shards import Receipt, Shard, encode

CONNECT = 10.0  # seconds to wait for the scheduler
WAIT = 60.0  # seconds to wait for the first worker
GPU = "GPU"  # dask resource of a worker, so that a device makes one shard at a time
START = "dask worker {address} --nthreads 1"


class Cluster:
    """Workers of a dask scheduler.

    Args:
        address: of the scheduler
        device: that each worker should use; ``auto`` means ``cuda`` if workers offer
            GPUs
        divide: True if the workers on a machine share its cores
    """

    slots = 0
    distant = True

    def __init__(self, address: str, device: str, *, divide: bool):
        self.device = device
        self._address = address
        self._divide = divide
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._client = self._connect()
        with ExitStack() as stack:
            stack.callback(self._client.close)
            self._count_workers()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        with _quiet():
            self._stack.close()

    def make(self, shards: list[Shard]) -> Iterator[Receipt]:
        """Send shards to the workers, and yield receipts in the order of finishing.

        If a worker dies, dask sends its shard to another one.

        Args:
            shards: to make

        Raises:
            AffuseError: if the scheduler is lost, or too many workers die
        """
        from distributed import KilledWorker

        with parallel_config(self._backend()):
            parallel = Parallel(
                batch_size=1,  # otherwise joblib joins short shards
                pre_dispatch="all",  # otherwise workers that start later get no shards
                return_as="generator_unordered",
            )
        tasks = (delayed(encode)(shard) for shard in shards)
        try:
            with _quiet():
                yield from parallel(tasks)
        except CancelledError as error:
            raise AffuseError(
                f"the scheduler at {self._address} was lost; start it and its workers "
                f"again and repeat the command: finished parts are kept"
            ) from error
        except KilledWorker as error:
            raise AffuseError(
                "the workers that made one shard died one after the other, probably "
                "for lack of memory; see their logs, and repeat the command to "
                "continue: finished parts are kept"
            ) from error
        except ImportError as error:
            raise AffuseError(
                f"a worker cannot run this project ({error}); start all workers in its "
                f"folder, with the same packages"
            ) from error

    def _backend(self) -> Any:
        """Return joblib's backend, changed to use even a single worker.

        With one core in the cluster, joblib would compute in this process.
        """
        from joblib._dask import DaskDistributedBackend

        class Backend(DaskDistributedBackend):
            def effective_n_jobs(self, n_jobs: int) -> int:
                return max(2, int(super().effective_n_jobs(n_jobs)))

        resources = {"resources": {GPU: 1}} if self._gpu else {}
        return Backend(client=self._client, pure=False, **resources)

    def _connect(self) -> Any:
        try:
            from distributed import Client
        except ImportError as error:
            raise AffuseError(
                "--scheduler needs dask, which the extra 'cluster' brings; "
                f"{extra_command('cluster')}"
            ) from error
        try:
            with _quiet():
                return Client(self._address, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise AffuseError(
                f"no scheduler answers at {self._address!r}; give the address that "
                f"'dask scheduler' prints, as in tcp://10.0.0.1:8786"
            ) from error

    def _count_workers(self) -> None:
        """Count the workers, after waiting for the first."""
        start = START.format(address=self._address)
        try:
            self._client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError as error:
            raise AffuseError(
                f"the scheduler at {self._address} has no workers; start some with: "
                f"{start}"
            ) from error
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        offering = [w for w in workers if w["resources"].get(GPU)]
        self._gpu = self.device.startswith("cuda") or bool(
            self.device == "auto" and offering
        )
        if self._gpu and not offering:
            raise AffuseError(
                f"--device {self.device}: no worker of {self._address} offers a GPU; "
                f"start them with: {start} --resources {GPU}=1"
            )
        if self._gpu and self.device == "auto":
            self.device = "cuda"
        hosts = Counter(w["host"] for w in (offering if self._gpu else workers))
        self.size = hosts.total()
        self.neighbours = max(hosts.values()) if self._divide else 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence dask's client, which logs tracebacks of errors that we report."""
    log = logging.getLogger("distributed.client")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)
