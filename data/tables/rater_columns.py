"""Columns of single ratings, which the option --map names in a list.

``--map valence=a1_V,a2_V,a3_V`` names one column for each rater. The mean of a row's
cells becomes its rating.
"""

from collections.abc import Mapping, Sequence

from affuse.data.errors import OptionError
from affuse.data.rating_scales import RATINGS
from affuse.data.tables.column_roles import mapped_index

DIVIDER = ","


def listed(columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the columns of the raters, for each rating that has a list of columns.

    Args:
        columns: role to column name, or to names divided by commas

    Raises:
        OptionError: if a name in a list is empty or repeated

    Examples:
        >>> listed({"valence": "a1_V, a2_V", "arousal": "A", "speaker": "b,c"})
        {'valence': ('a1_V', 'a2_V')}
    """
    found = {}
    for role in RATINGS:
        if DIVIDER not in (text := columns.get(role, "")):
            continue
        names = tuple(name.strip() for name in text.split(DIVIDER))
        if "" in names or len({*names}) < len(names):
            raise OptionError(
                f"--map {role}={text}: the list must name each rater's column once, "
                f"e.g. {role}=rater1,rater2,rater3"
            )
        found[role] = names
    return found


def divide(
    header: Sequence[str], columns: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Return the roles that have one column, and those with a list of columns.

    A column whose name holds a comma is one column.

    Args:
        header: column names of a table
        columns: role to column name, or to names divided by commas

    Returns:
        {role: column}, in which a role with a list is left out with ""; and the lists,
        as `listed` returns them

    Raises:
        OptionError: as `listed`
    """
    lists = listed({r: text for r, text in columns.items() if text not in header})
    return {**columns, **dict.fromkeys(lists, "")}, lists


def indices(
    header: Sequence[str], lists: Mapping[str, Sequence[str]], *, table: str
) -> dict[str, tuple[int, ...]]:
    """Return the column indices of the raters by rating.

    Args:
        header: column names of the table
        lists: as `divide` returns them
        table: file name of the table, for the error

    Raises:
        OptionError: if a column does not exist
    """
    return {
        role: tuple(mapped_index(header, n, role=role, table=table) for n in names)
        for role, names in lists.items()
    }
