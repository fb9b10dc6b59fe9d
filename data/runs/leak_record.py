"""What the linter found in a run after training, as it stands in the run folder."""

from pathlib import Path

from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Plain, Record, Text

DIVERGENCE = "divergence"  # a rule whose failure is no leak, but no result either
FAILS = "FAILS"  # the status of a rule
ADVICE = "delete it and repeat the train command"
KIND = MapOf(
    Record({"status": Text(100)}, others=Plain(depth=4, most=1_000_000)),
    most=1_000,
    name=Text(200),
)


def failing(run: Path) -> tuple[str, ...]:
    """Rules that fail, by name; none where the linter left nothing.

    Args:
        run: folder

    Raises:
        DamagedFileError: if the file is damaged
    """
    try:
        found = read_json(RunFolder(run).leaks, KIND, advice=ADVICE)
    except FileNotFoundError:
        return ()
    return tuple(sorted(n for n, facts in found.items() if facts["status"] == FAILS))
