"""HTML of the page: one file without any request, whose policy allows nothing else.

All text is escaped, because names and transcripts may be hostile. The policy names the
digests of the only style and the only script, so text that was not escaped would still
do nothing. Figures are images, in which a browser runs no script.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from affuse.data.errors import AffuseError
from affuse.data.system.environment import extra_command, version
from affuse.data.system.progress import DELAY, bar
from affuse.fuse.figures.figure_colours import DARK, GRID, INK, LINES, MUTED, PAPER
from affuse.fuse.figures.report_figure import EXTRA, ReportFigure, encode
from affuse.fuse.page.page_records import PageSection
from affuse.fuse.page.page_sections import page_sections, section_figures
from affuse.fuse.plots.plot_files import demand_matplotlib
from affuse.fuse.reporting.escapes import for_html
from affuse.fuse.reporting.table_records import ReportTable

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
NAMES = {  # colour on white -> its name in styles
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    **{colour: f"line{k}" for k, colour in enumerate(LINES)},
}


@dataclass(frozen=True)
class PageChapter:
    """Part of the page on one table of the report."""

    number: int  # from 1, for links
    table: ReportTable
    sections: tuple[PageSection, ...]


def render_page(tables: Sequence[ReportTable]) -> str:
    """Return the page as HTML.

    Args:
        tables: of a report

    Raises:
        AffuseError: if a package of the extra is not installed
    """
    demand_matplotlib("--format html", EXTRA)
    style, script = page_style(), _read("page.js")
    chapters = [
        PageChapter(number, table, page_sections(table))
        for number, table in enumerate(tables, 1)
    ]
    sections = [section for chapter in chapters for section in chapter.sections]
    total = len([*section_figures(sections)])
    with bar(
        total=total, name="figures", unit="figures", show=True, delay=DELAY
    ) as done:

        def image(figure: ReportFigure) -> str:
            done.update()
            return image_address(figure)

        text = (
            _environment()
            .get_template("page.html")
            .render(
                chapters=chapters,
                image=image,
                style=style,
                script=script,
                policy=_policy(style, script),
                natures=sorted({table.nature for table in tables} - {"human"}),
                version=version(),
            )
        )
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip() + "\n"


@cache
def _environment() -> "Environment":
    """Return the environment of the template, which escapes every value.

    Raises:
        AffuseError: if Jinja2 is not installed
    """
    try:
        import jinja2
        from jinja2.utils import markupsafe
    except ImportError as error:
        raise AffuseError(
            f"--format html needs the package Jinja2; {extra_command(EXTRA)}"
        ) from error

    markup = markupsafe.Markup

    def escaped(value: object) -> str:
        return value if isinstance(value, markup) else markup(for_html(str(value)))

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        finalize=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["raw"] = markup  # for the style and the script of this project
    environment.filters["sound"] = sound_address
    return environment


def _read(name: str) -> str:
    """Return the text of a file of this package."""
    return (HERE / name).read_text(encoding="utf-8").strip()


def page_style() -> str:
    """Return the style of the page, with the colours of the figures."""
    light = "".join(f"--{name}:{colour};" for colour, name in NAMES.items())
    dark = "".join(f"--{name}:{DARK[colour]};" for colour, name in NAMES.items())
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"{_read('page.css')}"
    )


def _policy(style: str, script: str) -> str:
    """Return the content security policy of a page with one style and one script."""
    return (
        f"default-src 'none'; style-src {_source(style)}; script-src "
        f"{_source(script)}; img-src data:; media-src data:; "
        f"base-uri 'none'; form-action 'none'"
    )


def _source(content: str) -> str:
    """Return the digest by which a policy allows a style or a script."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def image_address(figure: ReportFigure) -> str:
    """Return a figure as an address with data, in light and dark colours.

    Args:
        figure: of a section
    """
    drawn = with_dark_colours(encode(figure, "svg").decode())
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


def sound_address(file: bytes) -> str:
    """Return a recording as an address with data.

    Args:
        file: in the format OGG
    """
    return f"data:audio/ogg;base64,{base64.b64encode(file).decode()}"


def with_dark_colours(svg: str) -> str:
    """Return an SVG that is dark where the reader prefers that, and light in print.

    Args:
        svg: as matplotlib writes it, in light colours
    """
    rules = "".join(
        f'[style*="{name}: {light}"]{{{name}:{dark} !important}}'
        for light, dark in DARK.items()
        for name in ("fill", "stroke")
    )
    style = f"<style>@media screen and (prefers-color-scheme:dark){{{rules}}}</style>"
    body = svg[svg.index("<svg") :]
    start = body.index(">") + 1
    return body[:start] + style + body[start:]
