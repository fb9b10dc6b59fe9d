"""Page for a browser: one HTML file with all tables and figures of a report."""

from collections.abc import Sequence

from affuse.fuse.page.page_rendering import render_page
from affuse.fuse.reporting.blocks import WIDTH
from affuse.fuse.reporting.table_records import ReportTable

IS_PAGE = True  # the command compares all pairs of rows, and accepts --cache


def render(tables: Sequence[ReportTable], *, width: int = WIDTH) -> str:
    """Return the page as HTML, which loads nothing from a network.

    Args:
        tables: one after another
        width: not used, because a browser breaks lines

    Raises:
        AffuseError: if a package of the extra ``page`` is not installed
    """
    return render_page(tables)
