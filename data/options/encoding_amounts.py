"""Options of `extract` on batches, lengths, processes and shards."""

from dataclasses import dataclass
from typing import ClassVar

from affuse.data.options.command_record import Command
from affuse.data.options.option_fields import RESOURCES, option
from affuse.data.options.option_types import ONE_OR_MORE

LONGEST = 3600.0  # seconds of an utterance


@dataclass(frozen=True, kw_only=True)
class EncodingAmounts(Command):
    """Batch size, number of processes, and number of utterances to encode."""

    HEADING: ClassVar[str] = RESOURCES

    compile: bool = option(
        "--compile",
        default=False,
        help="Compile speech encoders with torch.compile. It takes some "
        "seconds, and saves time on a GPU in half precision for many hours of "
        "speech.  [default: no compilation]",
    )
    batch: float | None = option(
        "--batch",
        default=None,
        help="Encode this many seconds of audio, or tokens of text, in a "
        "batch.  [default: audio 10 s on a CPU and 320 s on a GPU, text "
        "512 and 32768 tokens]",
    )
    block_seconds: float = option(
        "--block-seconds",
        default=60.0,
        help="Encode longer utterances in blocks of this many seconds.",
    )
    max_seconds: float = option(
        "--max-seconds",
        default=LONGEST,
        help="Leave out utterances that are longer than this many seconds, and "
        "name them.",
    )
    limit: int | None = option(
        "--limit",
        default=None,
        type=ONE_OR_MORE,
        help="Encode only N utterances, evenly spaced over the corpus, for "
        "example --limit 20 for a quick trial.  [default: all]",
    )
    processes: int | None = option(
        "--processes",
        default=None,
        type=ONE_OR_MORE,
        metavar="N",
        help="Encode in N processes on this machine. They divide its CUDA "
        "devices and CPU threads.  [default: one for each CUDA device]",
    )
    shard: str = option(
        "--shard",
        default="1/1",
        metavar="K/N",
        help="Encode only shard K of N, for example --shard 2/8 in an array of "
        "jobs. The job that finishes last completes the cache. --dtype must not "
        "be auto.",
    )
    scheduler: str = option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="Encode on the workers of the dask scheduler at this address, for "
        "example tcp://10.0.0.1:8786. Workers must see the corpus and the "
        "cache under the same paths, and --dtype must not be auto. Anyone "
        "who reaches the port can run code: use trusted networks and TLS. "
        "It needs the extra 'cluster'.  [default: this machine]",
    )
