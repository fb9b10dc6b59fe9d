"""The lint command: which runs are asked about, and how the results are printed."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Lint
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.gathering import left
from affuse.fuse.linting.linter import Result, check, explain, facts, lines, rules
from affuse.fuse.models.design_files import use_files


def lint(say: Callable[[str], object], options: Lint) -> bool:
    """Lint finished runs, or say what the rules are.

    Args:
        say: told each line
        options: the runs, none for all below the folder of runs; and what is said

    Returns:
        whether no rule fails, and every run can be read

    Raises:
        FileNotFoundError: if there is no run
    """
    runs = options.runs
    if options.as_list:
        for line in explain():
            say(line)
        return True
    there = RunFolder.below(runs, RunFolder.info, RunFolder.predictions)
    chosen = options.folders or [run.path for run in there]
    if not chosen:
        raise FileNotFoundError(f"no run below {runs}; train first, or name a run")
    use_files(options.design_files)
    found = {str(path): _of_folder(path, options.cache) for path in chosen}
    for line in _json(found) if options.as_json else _text(found):
        say(line)
    return not any(r.fails for results in found.values() for r in results)


def _text(found: Mapping[str, Iterable[Result]]) -> Iterator[str]:
    """Yield the lines for people; `found` is by folder of a run."""
    for path, results in found.items():
        yield from (path, *lines(results))


def _json(found: Mapping[str, Iterable[Result]]) -> list[str]:
    """Return the lines of everything as JSON; `found` is by folder of a run."""
    listed = {path: [facts(r) for r in results] for path, results in found.items()}
    return json.dumps(listed, indent=1).split("\n")


def _of_folder(run: Path, cache: Path) -> tuple[Result, ...]:
    """All rules about one run, or why it cannot be read: others go on."""
    try:
        return check(left(run, cache), rules())
    except (OSError, AffuseError) as error:
        return (Result("run", (Finding(f"it cannot be read: {error}"),)),)
