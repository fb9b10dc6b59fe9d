"""Reasons why a sound file is not read, and conversion of errors to such reasons."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from affuse.extract.audio.refusal import Unusable

FORMATS = (  # of libsndfile; its parsers for other formats are little tested
    "WAV", "WAVEX", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "NIST", "CAF",
)  # fmt: skip
ABSENT = "File does not exist"  # libsndfile's message for samples it cannot decode


def check_regular(path: Path) -> None:
    """Raise `Unusable` for files that could block a reader, such as a pipe.

    Args:
        path: of the file; a missing one is not refused here
    """
    mode = stat.S_IFREG  # Opening a missing file raises a better error.
    with suppress(OSError, ValueError):
        mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise Unusable("is not a regular file")


def check_format(name: str) -> None:
    """Raise `Unusable` for formats whose decoders are little tested.

    Args:
        name: of the format, as libsndfile calls it
    """
    if name not in FORMATS:
        raise Unusable(f"is a sound file of type {name}; convert it to WAV or FLAC")


@contextmanager
def convert_errors() -> Iterator[None]:
    """Convert errors of libsndfile and the system to `Unusable` with their reason."""
    import soundfile

    try:
        yield
    except Unusable:
        raise
    except soundfile.LibsndfileError as error:
        reason = error.error_string.removeprefix("Error : ").rstrip(".")
        if reason.startswith(ABSENT):  # wrong, because the file was opened before
            reason = "its samples are damaged or cut off"
        raise Unusable(f"cannot be decoded: {reason}") from error
    except UnicodeEncodeError as error:
        raise Unusable("has a name that is not valid UTF-8; rename it") from error
    except OSError as error:
        raise Unusable(f"cannot be read: {error.strerror or error}") from error
    except (TypeError, ValueError) as error:  # for example samples without a header
        raise Unusable(f"cannot be decoded: {error}") from error
