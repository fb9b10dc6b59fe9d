"""What a format of a report offers."""

from collections.abc import Sequence
from typing import Protocol, cast

from affuse.data.plugin_kinds import FORMAT_KIND
from affuse.data.plugins import load
from affuse.fuse.reporting.table_records import ReportTable


class TableFormat(Protocol):
    """A module that writes tables in one format."""

    def render(self, tables: Sequence[ReportTable], *, width: int) -> str:
        """Return all tables as one text that ends with a line end.

        Tables hold text from run folders that strangers may have made. A format escapes
        it, with a function of `affuse.fuse.reporting.escapes` where one fits.

        Args:
            tables: of `affuse.fuse.commands.report_command.collect`, one for each
                corpus, kind of ratings and protocol
            width: columns of the page, for formats in which the length of a line counts
        """


def load_format(name: str) -> TableFormat:
    """Import the format of that name.

    Raises:
        AffuseError: if there is none; the sentence lists the choices
    """
    return cast(TableFormat, load(FORMAT_KIND, name))
