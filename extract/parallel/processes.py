"""Worker processes on this machine, run by joblib."""

import logging
from collections.abc import Iterator
from typing import Self

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from affuse.data.errors import AffuseError
from affuse.extract.parallel.shards import Receipt, Shard, encode

RESTARTS = 3  # after a process was killed

log = logging.getLogger(__name__)


class Processes:
    """Worker processes on this machine, which end with the context.

    Args:
        size: number of processes
        device: that each process should use
    """

    neighbours = 0
    distant = False

    def __init__(self, size: int, device: str):
        self.size = self.slots = size
        self.device = device

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        get_reusable_executor().shutdown(wait=True, kill_workers=failed is not None)

    def make(self, shards: list[Shard]) -> Iterator[Receipt]:
        """Send shards to the processes, and yield receipts in the order of finishing.

        joblib stops when a process is killed; the remaining shards are then sent again.

        Args:
            shards: to make

        Raises:
            AffuseError: if processes are killed more than `RESTARTS` times
        """
        pending = {tuple(shard.plan): shard for shard in shards}
        for attempt in range(1 + RESTARTS):
            try:
                for receipt in self._send(list(pending.values())):
                    del pending[receipt.parts]
                    yield receipt
                return
            except TerminatedWorkerError as error:
                if attempt == RESTARTS:
                    raise AffuseError(
                        f"a process died {RESTARTS + 1} times, probably for lack of "
                        f"memory; repeat the command to continue, with fewer "
                        f"--processes or a smaller --batch; finished parts are kept"
                    ) from error
                log.warning("a process died; new processes make its parts")

    def _send(self, shards: list[Shard]) -> Iterator[Receipt]:
        with parallel_config(backend="loky"):
            parallel = Parallel(
                n_jobs=self.size,
                batch_size=1,
                max_nbytes=None,
                return_as="generator_unordered",
            )
        receipts: Iterator[Receipt] = parallel(
            delayed(encode)(shard) for shard in shards
        )
        return receipts
