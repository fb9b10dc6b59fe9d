"""Choice of the rows that each row of a table is compared with.

By default, a row of several modalities is compared with single modalities on the same
encoders. Models are compared with models and ensembles with ensembles, because
averaging alone may improve a figure. A system that was trained elsewhere is compared
with the models of the highest test CCC. A network after an affine map is compared with
the baselines that have such a map, and no row is compared with it.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from affuse.data.errors import AffuseError
from affuse.fuse.models.trainable.design_registry import find_trainable
from affuse.fuse.reporting.contrasts import ComparedRun, contrast, same_encoder
from affuse.fuse.reporting.rival_commands import trainable_alone, training_command
from affuse.fuse.reporting.row_labels import describe
from affuse.fuse.reporting.table_records import TableRow
from affuse.fuse.training.setting_resolution import has_map


def choose_rivals(
    rows: Sequence[TableRow], sides: Sequence[ComparedRun], against: str
) -> dict[int, list[int]]:
    """Return the numbers of the rows that each row is compared with.

    Args:
        rows: of the table
        sides: properties of each row's models, in the same order
        against: name or design of a row that all others are compared with; "" for the
            default rows

    Returns:
        number of a row -> numbers of its rivals; rows without rivals are left out

    Raises:
        AffuseError: if `against` fits several rows
    """
    places = range(len(rows))
    if against:
        matches = _named(rows, against)
        return {i: matches for i in places if matches and i not in matches}
    rivals = {i: _default_rivals(i, rows, sides) for i in places}
    return {i: others for i, others in rivals.items() if others}


def _default_rivals(
    i: int, rows: Sequence[TableRow], sides: Sequence[ComparedRun]
) -> list[int]:
    """Return the numbers of the rows that a row is compared with by default."""
    if rows[i].is_imported:
        return [k for k, row in enumerate(rows) if _has_models(row)]
    if rows[i].mapped:
        return _mapped(i, rows, sides)
    return find_single_modality_rivals(i, rows, sides) if _is_fusion(rows[i]) else []


def _has_models(row: TableRow) -> bool:
    """Return True for the models of a run, neither an ensemble nor a mapped row."""
    return row.info is not None and row.members == 1 and not row.mapped


def _is_fusion(row: TableRow) -> bool:
    """Return True if a row takes several modalities and is not a mapped network."""
    several = row.info is not None and len(row.info.encoders) > 1
    return several and not row.mapped


def _named(rows: Sequence[TableRow], against: str) -> list[int]:
    """Return the number of the row of a name or design, or [].

    The name of a design means its models, neither their ensemble nor their mapped row.
    """
    matches = [i for i, row in enumerate(rows) if row.name == against]
    matches = matches or [
        i
        for i, row in enumerate(rows)
        if row.design == against and row.members == 1 and not row.mapped
    ]
    if len(matches) > 1:
        names = ", ".join(f"'{rows[i].name}'" for i in matches)
        raise AffuseError(
            f"several rows are of design '{against}'; compare against one of {names}"
        )
    return matches


def _mapped(
    i: int, rows: Sequence[TableRow], sides: Sequence[ComparedRun]
) -> list[int]:
    """Return the numbers of the mapped baselines, fair comparisons only if any."""
    mapped = [k for k, row in enumerate(rows) if row.info and has_map(row.info)]
    return [k for k in mapped if not contrast(sides[i], sides[k]).reasons] or mapped


def best_row(others: Sequence[int], rows: Sequence[TableRow], section: str) -> int:
    """Return the number of the row of highest mean CCC; undefined CCCs are last.

    Args:
        others: numbers of the candidates
        rows: of the table
        section: to take the CCC from
    """
    values = {i: rows[i].sections[section].mean.value for i in others}
    return max(others, key=lambda i: -math.inf if math.isnan(values[i]) else values[i])


def find_single_modality_rivals(
    i: int, rows: Sequence[TableRow], sides: Sequence[ComparedRun]
) -> list[int]:
    """Return the numbers of the single-modality rivals of a row of several modalities.

    They take one modality and the same encoder of it as the row. If some of them were
    trained in the same way, only these are returned.

    Args:
        i: number of the row
        rows: of the table
        sides: properties of each row's models, in the same order
    """
    modalities = sorted(sides[i].info.encoders)
    return [k for modality in modalities for k in _rivals(modality, i, rows, sides)]


def _rivals(
    modality: str, i: int, rows: Sequence[TableRow], sides: Sequence[ComparedRun]
) -> list[int]:
    """Return the numbers of the single-modality rivals of one modality."""
    on_encoder = [
        k
        for k, row in enumerate(rows)
        if find_trainable(row.design).single_modality == modality
        and not row.mapped
        and (row.members > 1) == (rows[i].members > 1)
        and same_encoder(sides[i].info, sides[k].info, modality)
    ]
    trained_alike = [k for k in on_encoder if not contrast(sides[i], sides[k]).reasons]
    return trained_alike or on_encoder


def explain_missing_rivals(
    rows: Sequence[TableRow],
    sides: Sequence[ComparedRun],
    against: str,
    *,
    narrowed: bool,
) -> Iterator[str]:
    """Yield a sentence on each single modality without a fair comparison.

    Args:
        rows: of the table
        sides: properties of each row's models, in the same order
        against: as for `choose_rivals`
        narrowed: True if the user left rows out, which may be the missing ones
    """
    if against:
        if not _named(rows, against):
            yield f"Nothing is compared with {against}: the table has no such row"
        return
    fusions = [i for i, row in enumerate(rows) if _is_fusion(row) and row.members == 1]
    lacking: dict[tuple[str, str], list[int]] = {}
    for i in fusions:
        for modality in sorted(sides[i].info.encoders):
            rivals = _rivals(modality, i, rows, sides)
            if not rivals:
                encoder = describe(modality, sides[i].info.encoders[modality])
                lacking.setdefault((modality, encoder), []).append(i)
            elif sentence := _weaker(i, rivals, rows, sides):
                yield sentence
    if lacking and narrowed:
        yield "Some comparisons are missing, because rows are left out on request"
    elif fusions and not any(
        find_trainable(row.design).single_modality for row in rows
    ):
        side = sides[fusions[0]]
        modalities = trainable_alone(side)
        yield (
            f"No row of a single modality can be compared with fusion. Train "
            f"{' and '.join(modalities)} on the same cache: "
            f"{training_command(modalities, side)}"
        )
    else:
        yield from _to_train(lacking, rows, sides)


def _to_train(
    lacking: Mapping[tuple[str, str], Sequence[int]],
    rows: Sequence[TableRow],
    sides: Sequence[ComparedRun],
) -> Iterator[str]:
    """Yield a sentence on each single modality to train, with the command.

    Args:
        lacking: a modality and its encoder in words -> numbers of rows that need it
        rows: of the table
        sides: properties of each row's models, in the same order
    """
    for (modality, encoder), places in lacking.items():
        names = ", ".join(rows[i].name for i in places)
        alone = not any(find_single_modality_rivals(i, rows, sides) for i in places)
        yield (
            f"No row of {modality} alone is on the encoder {encoder}, so {names} "
            f"{'is' if len(places) == 1 else 'are'} not compared with "
            f"{'any single modality' if alone else modality}; train it on the same "
            f"cache with the same settings: "
            f"{training_command([modality], sides[places[0]])}"
        )


def _weaker(
    i: int,
    rivals: Sequence[int],
    rows: Sequence[TableRow],
    sides: Sequence[ComparedRun],
) -> str:
    """Return a sentence on a rival that is not the best and not comparable, or ""."""
    k = best_row(rivals, rows, "all")
    reason = contrast(sides[i], sides[k]).reason
    if not reason or k == best_row(
        find_single_modality_rivals(i, rows, sides), rows, "all"
    ):
        return ""  # The line of the comparison gives the reason.
    return (
        f"{rows[i].name}: {rows[k].name} is not the best single modality here, but the "
        f"two cannot be compared fairly ({reason})"
    )
