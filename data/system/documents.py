"""Reads JSON and TOML files that a stranger may have edited, and checks all of them.

A file must be regular, of a sensible size, as its manifest says, and of the kind that
its reader describes with `affuse.data.system.schema`.
"""

import json
import tomllib
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.system.digests import content
from affuse.data.system.regular_files import SMALL
from affuse.data.system.schema import Kind, Mismatch
from affuse.data.terminal import printable

DIGITS = 19  # of a whole number; more do not fit into 64 bits
TOML = 2**20  # bytes of a TOML file


def read_json(path: Path, kind: Kind, *, advice: str, limit: int = SMALL) -> Any:
    """Read a JSON file of one kind, checked against its manifest where there is one.

    Args:
        path: of the file
        kind: what it holds
        advice: what to do if it is damaged, the end of the sentence
        limit: bytes that it may have at most

    Raises:
        FileNotFoundError: if there is none
        DamagedFileError: naming the file, the place in it, and `advice`
    """
    try:
        found = content(path, limit=limit)
    except DamagedFileError as error:
        raise DamagedFileError(f"{error}; {advice}") from error
    try:
        return parse_json(found, kind)
    except DamagedFileError as error:
        raise DamagedFileError(f"{path} is damaged: {error}; {advice}") from error


def parse_json(found: bytes | str, kind: Kind, *, digits: int = DIGITS) -> Any:
    """Read JSON text of one kind.

    Args:
        found: the text, or its bytes in UTF-8
        kind: what it holds
        digits: of a whole number at most

    Raises:
        DamagedFileError: saying what is wrong in it, without the name of a file
    """
    try:
        value = json.loads(
            found if isinstance(found, str) else found.decode("utf-8"),
            parse_constant=_constant,
            parse_int=partial(_whole, most=digits),
        )
    except AffuseError:
        raise
    except (ValueError, RecursionError) as error:  # of JSON or of UTF-8
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DamagedFileError(f"it is no JSON ({printable(why)[:200]})") from error
    kind.check(value)
    return value


def _constant(name: str) -> NoReturn:
    raise Mismatch(name, "a finite number")


def _whole(digits: str, *, most: int) -> int:
    if len(digits) > most + 1:  # and a sign
        raise Mismatch(digits, f"a whole number of at most {most} digits")
    return int(digits)


def read_toml(path: Path, kind: Kind) -> Any:
    """Read a TOML file of one kind, checked against its manifest where there is one.

    Raises:
        FileNotFoundError: if there is none
        AffuseError: naming the file and what is wrong in it
    """
    try:
        return parse_toml(content(path, limit=TOML), kind)
    except AffuseError as error:
        raise AffuseError(f"{path}: {error}") from error


def parse_toml(found: bytes | str, kind: Kind) -> Any:
    """Read TOML text of one kind.

    Raises:
        AffuseError: saying what is wrong in it, without the name of a file
    """
    try:
        value = tomllib.loads(found if isinstance(found, str) else found.decode())
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise AffuseError(f"it is no TOML ({printable(why)[:200]})") from error
    kind.check(value)
    return value
