"""The single modalities that fusion is compared with: rows on the same encoders."""

from collections.abc import Iterator, Sequence

from fuse.contrasts import Side, contrast, same_encoder
from fuse.details import describe
from fuse.figures import Row

SINGLE = ("audio", "text")  # designs that fusion has to beat, named as their modality


def single(rows: Sequence[Row]) -> list[int]:
    """Return the numbers of the rows of one modality."""
    return [i for i, row in enumerate(rows) if row.design in SINGLE]


def best(others: Sequence[int], rows: Sequence[Row], section: str) -> int:
    """Return the number of the row of highest mean CCC."""
    return max(others, key=lambda i: rows[i].sections[section].mean.value)


def fair(i: int, rows: Sequence[Row], sides: Sequence[Side]) -> list[int]:
    """Return the numbers of the rows that a row of several modalities shall beat.

    They are the rows of each modality alone with the encoder that the row takes, those
    that were trained in the same way if there are any, else all of them.

    Args:
        i: number of the row
        rows: of the table
        sides: of each row, in the same order
    """
    return [k for modality in SINGLE for k in _of(modality, i, rows, sides)]


def _of(modality: str, i: int, rows: Sequence[Row], sides: Sequence[Side]) -> list[int]:
    """Return the numbers of the rivals of one modality; see `fair`."""
    if modality not in sides[i].info.encoders:
        return []
    alike = [
        k
        for k, row in enumerate(rows)
        if row.design == modality
        and same_encoder(sides[i].info, sides[k].info, modality)
    ]
    same = [k for k in alike if not contrast(sides[i], sides[k]).reasons]
    return same or alike


def gaps(
    mine: Sequence[int], rows: Sequence[Row], sides: Sequence[Side]
) -> Iterator[str]:
    """Yield a sentence on each single modality that no row was fairly compared with.

    Args:
        mine: numbers of the rows that are compared
        rows: of the table
        sides: of each row, in the same order
    """
    lacking: dict[tuple[str, str], list[int]] = {}
    for i in mine:
        for modality in SINGLE:
            if modality not in sides[i].info.encoders:
                continue
            rivals = _of(modality, i, rows, sides)
            if not rivals:
                encoder = describe(modality, sides[i].info.encoders[modality])
                lacking.setdefault((modality, encoder), []).append(i)
            elif other := _weaker(i, rivals, rows, sides):
                yield other
    for (modality, encoder), places in lacking.items():
        names = ", ".join(rows[i].name for i in places)
        alone = not any(fair(i, rows, sides) for i in places)
        yield (
            f"No row of {modality} alone is on the encoder {encoder}, so {names} "
            f"{'is' if len(places) == 1 else 'are'} not compared with "
            f"{'any single modality' if alone else modality}; train it on the same "
            f"cache with the same settings: python cli.py train --fusion {modality}"
        )


def _weaker(
    i: int, rivals: Sequence[int], rows: Sequence[Row], sides: Sequence[Side]
) -> str:
    """Return why a modality that is not the best one might be; "" if it was tried."""
    k = best(rivals, rows, "all")
    reason = contrast(sides[i], sides[k]).reason
    if not reason or k == best(fair(i, rows, sides), rows, "all"):
        return ""  # the comparison itself says so
    return (
        f"{rows[i].name}: {rows[k].name} is not the best single modality here, but was "
        f"trained in another way ({reason})"
    )
