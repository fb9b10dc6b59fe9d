"""Conversion of library errors about a checkpoint to one sentence.

transformers, tokenizers and safetensors raise many kinds of errors for files that they
cannot use. Errors that a line of this project raises are bugs, and are not converted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError

from affuse.data.errors import AffuseError
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.terminal import printable

ROOT = Path(__file__).parents[2]  # not resolved, as tracebacks name the files
OURS = tuple(str(ROOT / name) for name in ("data", "extract", "fuse", "cli.py"))
PANIC = "PanicException"  # of libraries in Rust: a BaseException without a public name
LONGEST = 300  # characters of a library's message
PLAIN = (OSError, ValueError, RuntimeError)  # errors whose messages are sentences
PICKLED = (
    f"its weights are damaged, or more than tensors; take {CheckpointFolder.weights}"
)


@contextmanager
def told(sentence: str) -> Iterator[None]:
    """Convert errors of libraries and files, and `AffuseError`, to one sentence.

    Args:
        sentence: beginning of the message; the reason follows after a colon

    Raises:
        AffuseError: instead of any error that no line of this project raised
    """
    try:
        yield
    except BaseException as error:
        if not _foreign(error):
            raise
        raise AffuseError(f"{sentence}: {reason(error)}") from error


def _foreign(error: BaseException) -> bool:
    """Return True for an error about the checkpoint, False for a bug in our code."""
    if isinstance(error, AffuseError | OSError):
        return True
    if not isinstance(error, Exception) and type(error).__name__ != PANIC:
        return False
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return not (trace and trace.tb_frame.f_code.co_filename.startswith(OURS))


def reason(error: BaseException) -> str:
    """Return the beginning of an error's message on one line.

    Args:
        error: its message may have many lines
    """
    if isinstance(error, UnpicklingError):
        return PICKLED
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    sentence = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
    kind = "" if isinstance(error, PLAIN) and sentence else f"{type(error).__name__}: "
    message = f"{kind}{sentence}".removesuffix(": ")
    shortened = f"{message[:LONGEST]}…" if len(message) > LONGEST else message
    return printable(shortened).rstrip(".")
