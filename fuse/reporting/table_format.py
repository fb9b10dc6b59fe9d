"""Interface of a report format, and its import by name."""

from collections.abc import Sequence
from typing import Protocol, cast

from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.plugins import load
from affuse.fuse.reporting.table_records import ReportTable


class TableFormat(Protocol):
    """Module that renders tables in one format.

    A module may define ``IS_PAGE = True``. The command then compares all pairs of rows,
    as with ``--pairs``, and accepts ``--cache`` and ``--transcripts``.
    """

    def render(self, tables: Sequence[ReportTable], *, width: int) -> str:
        """Return all tables as one text that ends with a line break.

        Tables contain text from run folders, which may be untrusted. A format escapes
        it, if possible with a function of `affuse.fuse.reporting.escapes`.

        Args:
            tables: of `affuse.fuse.commands.report_command.collect`, one for each
                corpus, kind of ratings and protocol
            width: of the page in columns, for formats with a limited line length
        """


def load_format(name: str) -> TableFormat:
    """Return the module of a format.

    Args:
        name: of the format

    Raises:
        AffuseError: if there is no such format; the error lists the choices
    """
    return cast(TableFormat, load(FORMAT_KIND, name))
