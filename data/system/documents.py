"""Reading of untrusted JSON and TOML files, checked against a schema.

A file must be regular, of a limited size, as its manifest lists it, and of the kind
that its reader describes with `affuse.data.system.schema`.
"""

import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.system.digests import content
from affuse.data.system.mismatches import SHOWN
from affuse.data.system.regular_files import SMALL
from affuse.data.system.schema import Kind
from affuse.data.terminal import printable

DIGITS = 19  # of a whole number; more do not fit into 64 bits
TOML = 2**20  # bytes of a TOML file


def read_json(
    path: Path,
    kind: Kind,
    *,
    advice: str,
    limit: int = SMALL,
    nan_is_null: bool = False,
) -> Any:
    """Return the value in a JSON file, checked against `kind` and the manifest.

    Args:
        path: of the file
        kind: description of the value
        advice: remedy for a damaged file, the last clause of the error
        limit: largest size in bytes
        nan_is_null: as for `parse_json`

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if it is damaged; names the file, the place, and `advice`
    """
    try:
        text = content(path, limit=limit)
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; {advice}") from error
    try:
        return parse_json(text, kind, nan_is_null=nan_is_null)
    except DamagedFileError as error:
        raise DamagedFileError(f"{path} is damaged: {error}; {advice}") from error


def parse_json(
    text: bytes | str,
    kind: Kind,
    *,
    digits: int = DIGITS,
    nan_is_null: bool = False,
) -> Any:
    """Return the value of a JSON text, checked against `kind`.

    Args:
        text: as a string, or as bytes in UTF-8
        kind: description of the value
        digits: largest number of digits in a whole number
        nan_is_null: True: read the word NaN, which is not JSON, as null

    Raises:
        DamagedFileError: if it is no JSON, or of another kind; names no file
    """
    try:
        value = json.loads(
            text if isinstance(text, str) else text.decode("utf-8"),
            parse_constant=_null_for_nan if nan_is_null else _constant,
            parse_int=partial(_whole, most=digits),
        )
    except AffuseError:
        raise
    except (ValueError, RecursionError) as error:  # of JSON or of UTF-8
        raise DamagedFileError(_fault(text, error)) from error
    kind.check(value)
    return value


def _fault(text: bytes | str, error: Exception) -> str:
    """Return a sentence on a text that is no JSON, in words of users."""
    zero, blank = (b"\0", b"") if isinstance(text, bytes) else ("\0", "")
    if not text.strip():
        return "it is empty"
    if text.strip(zero) == blank:  # type: ignore[arg-type]
        return "it holds nothing but zero bytes, as after a power failure"
    if isinstance(error, RecursionError):
        return "it is no JSON: its lists and tables are nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it is no JSON: byte {error.start + 1:,} is no text in UTF-8"
    if not isinstance(error, json.JSONDecodeError):
        return f"it is no JSON ({printable(str(error))[:200]})"
    line = f"line {error.lineno}, " * ("\n" in error.doc.strip())
    if error.pos >= len(error.doc.rstrip()):
        return f"it ends too early, at {line}column {error.colno}"
    return f"it is no JSON at {line}column {error.colno} ({printable(error.msg)})"


def _constant(name: str) -> NoReturn:
    raise DamagedFileError(f"it has the number {name}, and numbers must be finite")


def _null_for_nan(name: str) -> None:
    if name != "NaN":
        _constant(name)


def _whole(digits: str, *, most: int) -> int:
    if len(digits) > most + 1:  # one more for the sign
        raise DamagedFileError(
            f"it has the number {digits[:SHOWN]}, which is longer than {most} digits"
        )
    return int(digits)


def read_toml(path: Path, kind: Kind) -> Any:
    """Return the value in a TOML file, checked against `kind` and the manifest.

    Args:
        path: of the file
        kind: description of the value

    Raises:
        FileNotFoundError: if there is no such file
        AffuseError: if it is damaged; names the file and the error in it
    """
    try:
        return parse_toml(content(path, limit=TOML), kind)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error


def parse_toml(text: bytes | str, kind: Kind) -> Any:
    """Return the value of a TOML text, checked against `kind`.

    Args:
        text: as a string, or as bytes in UTF-8
        kind: description of the value

    Raises:
        AffuseError: if it is no TOML, or of another kind; names no file
    """
    try:
        value = tomllib.loads(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise AffuseError(f"it is no TOML ({printable(why)[:200]})") from error
    kind.check(value)
    return value
