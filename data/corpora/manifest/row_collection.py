"""Collection of the rows of one or more tables, with what is repeated or left out."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from affuse.data import extra_columns, rating_kinds
from affuse.data.corpora.manifest import row_parsing
from affuse.data.corpora.manifest.ambiguous_words import Words
from affuse.data.corpora.manifest.audio_paths import Folder
from affuse.data.corpora.manifest.doubtful_texts import TextCells
from affuse.data.corpora.manifest.name_variants import NameSpellings
from affuse.data.corpora.manifest.rater_cells import RaterCells
from affuse.data.corpora.manifest.row_ids import Identities, fallback_id
from affuse.data.errors import AffuseError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import Problem, Utterance
from affuse.data.tables import cell_values, unread_columns
from affuse.data.tables.delimited_tables import DelimitedTable
from affuse.data.tables.unread_columns import Columns
from affuse.data.terminal import printable

OF_RATERS = (
    "if each row has the ratings of one rater, write one row for each utterance, with "
    "a column for each rater, and say --map valence=RATER1,RATER2"
)


class RowCollection:
    """Utterances by id and problems, collected from the rows of one or more tables."""

    def __init__(
        self,
        folder: Folder,
        scale: tuple[float, float] | None,
        identities: Identities,
    ) -> None:
        self.folder = folder
        self.scale = scale
        self.identities = identities
        self.utterances: dict[str, Utterance] = {}
        self.problems: list[Problem] = []
        self.counters = (Words(), TextCells(), NameSpellings())
        self.raters = RaterCells(scale)

    def read(self, table: DelimitedTable, columns: Columns, split: str) -> None:
        """Add the rows of one table.

        Args:
            table: to read
            columns: of the table
            split: of the rows that state none
        """
        self.problems += table.notes
        known = {*columns.roles, *columns.raters}
        if self.scale is None and (rated := [r for r in RATINGS if r in known]):
            raise AffuseError(
                f"{table.path} has ratings ({', '.join(rated)}), but their scale is "
                f"not known; give its lowest and highest value with --scale 1 5, or as "
                f'"scale": [1, 5] in {rating_kinds.SIDECAR} beside the table'
            )
        is_empty = True
        for row in table.rows():
            is_empty = False
            if isinstance(row, Problem):
                self.problems.append(row)
                continue
            line, values = row
            self._add(self._values(values, columns, split), table, line)
        if is_empty:
            reason = "no row follows the line that names the columns"
            self.problems.append(Problem(table.path.name, reason, fatal=False))

    def _values(
        self, values: Sequence[str], columns: Columns, split: str
    ) -> row_parsing.RowValues:
        """Return the values of a row by role and column, and count unusual ones."""
        cells = {role: values[place].strip() for role, place in columns.roles.items()}
        if "text" in columns.roles:
            cells["text"] = values[columns.roles["text"]]  # with its outer blanks
        cells["split"] = cell_values.split(cells.get("split", "")) or split
        extra = {n: unread_columns.cell(values[i]) for n, i in columns.kept.items()}
        single = {
            n: [values[i].strip() for i in of] for n, of in columns.raters.items()
        }
        for counter in self.counters:
            counter.count(cells)
        if "id" in cells:
            cells["id"] = printable(cells["id"])
        return row_parsing.RowValues(
            cells, extra_columns.mapping(extra), self.raters.read(single)
        )

    def _add(
        self, values: row_parsing.RowValues, table: DelimitedTable, line: int
    ) -> None:
        path, cells = table.path, values.cells
        record, wrong = row_parsing.utterance(
            values,
            folder=self.folder,
            identities=self.identities,
            fallback=fallback_id(table, line),
        )
        name = record.id if record else cells.get("id", "")
        earlier = self.utterances.setdefault(name, record) if record else None
        note = ""
        if record and earlier and earlier is not record:
            note = _repetition(earlier, record)
            if not note:
                wrong.append(_contradiction(earlier, record))
        self.problems += [Problem(path.name, w, line, name) for w in wrong]
        if note:
            self.problems.append(Problem(path.name, note, line, name, fatal=False))


def note_repeated_parts(utterances: Iterable[Utterance], file: str) -> list[Problem]:
    """Return a note if utterances name the same part of a recording.

    Args:
        utterances: all of the table
        file: name of the table, or of the tables
    """
    parts = Counter((u.audio, u.span) for u in utterances if u.audio is not None)
    repeated = {part: n for part, n in parts.items() if n > 1}
    if not repeated:
        return []
    ((audio, _), _), *_ = repeated.items()
    return [
        Problem(
            file,
            f"several rows name the same part of a recording, such as '{audio.name}', "
            f"under different ids (rows: {sum(repeated.values())}, parts: "
            f"{len(repeated)}), so each counts several times; if they are parts of it, "
            f"add the columns start and end; {OF_RATERS}",
            fatal=False,
        )
    ]


def _contradiction(earlier: Utterance, record: Utterance) -> str:
    """Return a sentence on a row with the id of an earlier one and other content."""
    if _names_same_part(earlier, record):
        return (
            f"an earlier row has the same id and other ratings, so this one is left "
            f"out; {OF_RATERS}"
        )
    return (
        "an earlier row has the same id and other content, so this one is left out; "
        "correct it, or add a column of ids"
    )


def _names_same_part(a: Utterance, b: Utterance) -> bool:
    """Return True if two rows have the same recording, span and text."""
    return (a.audio, a.span, a.text) == (b.audio, b.span, b.text)


def _repetition(earlier: Utterance, record: Utterance) -> str:
    """Return a sentence if a row repeats an earlier one, or "" if it contradicts it."""
    if replace(record, columns=earlier.columns) != earlier:
        return ""
    names = {**earlier.columns, **record.columns}
    differ = [n for n in names if earlier.columns.get(n) != record.columns.get(n)]
    exception = f" but for {', '.join(map(repr, differ))}" if differ else ""
    return f"row repeats an earlier one{exception}, so it is skipped"
