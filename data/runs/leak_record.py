"""Results of the leak rules that were checked after training, from a run folder."""

from pathlib import Path

from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.documents import read_json
from affuse.data.system.schema import MapOf, Plain, Record, Text

DIVERGENCE = "divergence"  # a rule whose failure is no leak, but invalidates the run
FAILS = "FAILS"  # status of a rule
ADVICE = "delete it and repeat the train command"
KIND = MapOf(
    Record({"status": Text(100)}, others=Plain(depth=4, most=1_000_000)),
    most=1_000,
    name=Text(200),
)


def failing_rules(run: Path) -> tuple[str, ...]:
    """Return the sorted names of the rules that failed; () if none were checked.

    Args:
        run: run folder

    Raises:
        DamagedFileError: if the file is damaged
    """
    return tuple(sorted(n for n, found in rule_states(run).items() if found == FAILS))


def rule_states(run: Path) -> dict[str, str]:
    """Return the status of each rule that was checked; {} if none were.

    Args:
        run: run folder

    Raises:
        DamagedFileError: if the file is damaged
    """
    try:
        results = read_json(RunFolder(run).leaks, KIND, advice=ADVICE)
    except FileNotFoundError:
        return {}
    return {name: str(rule["status"]) for name, rule in results.items()}
