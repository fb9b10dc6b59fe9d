"""Segments as JSON objects on one line each, for the formats json and jsonl."""

import json

from affuse.extract.inference.predicted_segments import Cell
from affuse.fuse.reporting.escapes import for_json

DIGITS = 6  # decimal places of a rating, as in the format csv


def json_line(value: object) -> str:
    """Return a value as JSON on one line, with control characters escaped.

    Args:
        value: of plain types; numbers are finite
    """
    return for_json(json.dumps(value, ensure_ascii=False, allow_nan=False))


def rounded(cells: dict[str, Cell]) -> dict[str, Cell]:
    """Return cells with numbers rounded as in the format csv.

    Args:
        cells: of one segment, by column
    """
    return {
        name: round(value, DIGITS) + 0.0 if isinstance(value, float) else value
        for name, value in cells.items()
    }
