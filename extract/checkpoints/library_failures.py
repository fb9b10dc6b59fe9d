"""One sentence for whatever a library raises about a checkpoint.

transformers, tokenizers and safetensors raise nearly every kind of error for files that
they cannot use. Errors that a line of this project raises are faults of the code, and
stay as they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

from affuse.data.errors import AffuseError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.terminal import printable

ROOT = Path(__file__).parents[2]  # as the code is imported, links included
OURS = tuple(str(ROOT / name) for name in ("data", "extract", "fuse", "cli.py"))
PANIC = "PanicException"  # of libraries in Rust; no Exception, and has no public name
LONGEST = 300  # characters of a library's message
PLAIN = (OSError, ValueError, RuntimeError)  # whose messages are sentences
PICKLED = (
    f"its weights are damaged, or more than tensors; take {CheckpointFolder.weights}"
)


@contextmanager
def told(sentence: str) -> Iterator[None]:
    """Turn errors of libraries and files, and `AffuseError`, into one sentence.

    Args:
        sentence: what could not be done, without an end; the reason follows a colon

    Raises:
        AffuseError: for any error that no line of this project raised
    """
    try:
        yield
    except BaseException as error:
        if not _foreign(error):
            raise
        raise AffuseError(f"{sentence}: {reason(error)}") from error


def _foreign(error: BaseException) -> bool:
    """Return True for an error that is about the checkpoint, not about our code."""
    if isinstance(error, AffuseError | OSError):
        return True
    if not isinstance(error, Exception) and type(error).__name__ != PANIC:
        return False
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return not (trace and trace.tb_frame.f_code.co_filename.startswith(OURS))


def reason(error: BaseException) -> str:
    """Return the beginning of an error's message, which may run over many lines."""
    if isinstance(error, UnpicklingError):
        return PICKLED
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    kind = "" if isinstance(error, PLAIN) and said else f"{type(error).__name__}: "
    whole = f"{kind}{said}".removesuffix(": ")
    cut = f"{whole[:LONGEST]}…" if len(whole) > LONGEST else whole
    return printable(cut).rstrip(".")
