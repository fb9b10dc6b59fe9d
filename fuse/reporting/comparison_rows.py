"""The rows of a table that each row is compared with by default.

A row of several modalities shall beat the single modalities on the same encoders: one
model beats models, and an ensemble beats ensembles, for an ensemble may be better for
the sake of the averaging alone. A network after an affine map shall beat the baselines
that have such a map, and no row is compared with it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.cache import run_recipes
from affuse.data.errors import AffuseError
from affuse.data.options.shared_options import named_caches
from affuse.data.options.training_options import Train
from affuse.fuse.models.trainable.design_registry import trainable
from affuse.fuse.reporting.contrasts import Side, contrast, same_encoder
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.training.setting_resolution import has_map

BY_FOLD = "(fine-tuned for each fold)"  # ends the checkpoint of several encoders


def to_beat(
    rows: Sequence[TableRow], sides: Sequence[Side], against: str
) -> dict[int, list[int]]:
    """Return the numbers of the rows that each row is compared with.

    Args:
        rows: of the table
        sides: of each row, in the same order
        against: name or design of the one row that all others are compared with; ""
            for the rows that they shall beat

    Returns:
        only rows that are compared with any

    Raises:
        AffuseError: if `against` fits several rows
    """
    places = range(len(rows))
    if against:
        named = _named(rows, against)
        return {i: named for i in places if named and i not in named}
    found = {
        i: _mapped(i, rows, sides) if rows[i].mapped else fair(i, rows, sides)
        for i in places
        if rows[i].mapped or _is_fusion(rows[i])
    }
    return {i: others for i, others in found.items() if others}


def _is_fusion(row: TableRow) -> bool:
    """Return True if a row takes several modalities, mapped networks aside."""
    several = row.info is not None and len(row.info.encoders) > 1
    return several and not row.mapped


def _named(rows: Sequence[TableRow], against: str) -> list[int]:
    """Return the number of the one row of that name or design, if there is any.

    The design names its models, neither their ensemble nor their map.
    """
    found = [i for i, row in enumerate(rows) if row.name == against]
    found = found or [
        i
        for i, row in enumerate(rows)
        if row.design == against and row.members == 1 and not row.mapped
    ]
    if len(found) > 1:
        names = ", ".join(f"'{rows[i].name}'" for i in found)
        raise AffuseError(
            f"several rows are of design '{against}'; compare against one of {names}"
        )
    return found


def _mapped(i: int, rows: Sequence[TableRow], sides: Sequence[Side]) -> list[int]:
    """Return the numbers of the mapped baselines, those of fair comparisons if any."""
    found = [k for k, row in enumerate(rows) if row.info and has_map(row.info)]
    return [k for k in found if not contrast(sides[i], sides[k]).reasons] or found


def best(others: Sequence[int], rows: Sequence[TableRow], section: str) -> int:
    """Return the number of the row of highest mean CCC; one without a CCC is last."""
    values = {i: rows[i].sections[section].mean.value for i in others}
    return max(others, key=lambda i: -math.inf if math.isnan(values[i]) else values[i])


def fair(i: int, rows: Sequence[TableRow], sides: Sequence[Side]) -> list[int]:
    """Return the numbers of the rows that a row of several modalities shall beat.

    They are the rows of each modality alone with the encoder that the row takes, those
    that were trained in the same way if there are any, else all of them.

    Args:
        i: number of the row
        rows: of the table
        sides: of each row, in the same order
    """
    modalities = sorted(sides[i].info.encoders)
    return [k for modality in modalities for k in _of(modality, i, rows, sides)]


def _of(
    modality: str, i: int, rows: Sequence[TableRow], sides: Sequence[Side]
) -> list[int]:
    """Return the numbers of the rivals of one modality; see `fair`."""
    alike = [
        k
        for k, row in enumerate(rows)
        if trainable(row.design).single_modality == modality
        and not row.mapped
        and (row.members > 1) == (rows[i].members > 1)
        and same_encoder(sides[i].info, sides[k].info, modality)
    ]
    same = [k for k in alike if not contrast(sides[i], sides[k]).reasons]
    return same or alike


def gaps(
    rows: Sequence[TableRow], sides: Sequence[Side], against: str, *, narrowed: bool
) -> Iterator[str]:
    """Yield a sentence on each single modality that no row was fairly compared with.

    Args:
        rows: of the table
        sides: of each row, in the same order
        against: as for `to_beat`
        narrowed: whether other rows are left out on request, which may be the ones
    """
    if against:
        if not _named(rows, against):
            yield f"Nothing is compared with {against}: the table has no such row"
        return
    mine = [i for i, row in enumerate(rows) if _is_fusion(row) and row.members == 1]
    lacking: dict[tuple[str, str], list[int]] = {}
    for i in mine:
        for modality in sorted(sides[i].info.encoders):
            rivals = _of(modality, i, rows, sides)
            if not rivals:
                encoder = describe(modality, sides[i].info.encoders[modality])
                lacking.setdefault((modality, encoder), []).append(i)
            elif other := _weaker(i, rivals, rows, sides):
                yield other
    if lacking and narrowed:
        yield "Rows that are left out on request are not compared with"
    elif mine and not any(trainable(row.design).single_modality for row in rows):
        yield (
            "Does fusion beat one modality? Train audio and text on the same cache to "
            "see"
        )
    else:
        yield from _to_train(lacking, rows, sides)


def _to_train(
    lacking: Mapping[tuple[str, str], Sequence[int]],
    rows: Sequence[TableRow],
    sides: Sequence[Side],
) -> Iterator[str]:
    """Yield which single modality is to be trained for which rows.

    Args:
        lacking: numbers of rows, by a modality and its encoder in words
        rows: of the table
        sides: of each row, in the same order
    """
    for (modality, encoder), places in lacking.items():
        names = ", ".join(rows[i].name for i in places)
        alone = not any(fair(i, rows, sides) for i in places)
        yield (
            f"No row of {modality} alone is on the encoder {encoder}, so {names} "
            f"{'is' if len(places) == 1 else 'are'} not compared with "
            f"{'any single modality' if alone else modality}; train it on the same "
            f"cache with the same settings: {_command(modality, sides[places[0]])}"
        )


def _command(modality: str, side: Side) -> Train:
    """Return the command that trains a modality alone as a run was trained.

    A cache is named by its digest, because a checkpoint may have several caches. Where
    the models do not say it, the checkpoint names it, unless each fold has its own.
    """
    info = side.info
    checkpoint = str(info.encoders[modality].get("checkpoint", ""))
    name = run_recipes.cache(side.path, modality)
    if not name and not checkpoint.endswith(BY_FOLD):
        name = checkpoint
    return Train(
        **named_caches({modality: name}),
        designs=(modality,),
        protocol=info.protocol,
        corpus=info.corpus,
        runs=side.path.parent,
    )


def _weaker(
    i: int, rivals: Sequence[int], rows: Sequence[TableRow], sides: Sequence[Side]
) -> str:
    """Return why a modality that is not the best one might be; "" if it was tried."""
    k = best(rivals, rows, "all")
    reason = contrast(sides[i], sides[k]).reason
    if not reason or k == best(fair(i, rows, sides), rows, "all"):
        return ""  # the comparison itself says so
    return (
        f"{rows[i].name}: {rows[k].name} is not the best single modality here, but the "
        f"two cannot be compared fairly ({reason})"
    )
