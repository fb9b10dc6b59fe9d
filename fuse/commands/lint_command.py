"""Command lint: selection of runs, and output of the linter's results."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.options.run_options import Lint
from affuse.data.options.training_options import Train
from affuse.data.runs.run_folder import RunFolder
from affuse.fuse.linting.finding import Finding
from affuse.fuse.linting.gathering import gather_finished_run
from affuse.fuse.linting.linter import (
    Result,
    apply_rules,
    explain_rules,
    result_as_json,
    result_lines,
    rule_names,
)
from affuse.fuse.models.design_files import use_files


def lint(say: Callable[[str], object], options: Lint) -> bool:
    """Check finished runs with the linter's rules, or print the rules.

    Args:
        say: prints a line
        options: of the command line; without runs, all runs of the folder are checked

    Returns:
        True if no rule fails and every run can be read

    Raises:
        FileNotFoundError: if there is no run
    """
    runs = options.runs
    if options.as_list:
        for line in explain_rules():
            say(line)
        return True
    below = RunFolder.find(runs, RunFolder.info, RunFolder.predictions)
    chosen = options.folders or [run.path for run in below]
    if not chosen:
        first = Train(designs=("early",))
        raise FileNotFoundError(
            f"no run below {runs}; train first, for example with `{first}`, or name a "
            f"run"
        )
    use_files(options.design_files)
    results_by_run = {str(path): _of_folder(path, options.cache) for path in chosen}
    for line in _json(results_by_run) if options.as_json else _text(results_by_run):
        say(line)
    return not any(r.fails for results in results_by_run.values() for r in results)


def _text(results_by_run: Mapping[str, Iterable[Result]]) -> Iterator[str]:
    """Yield the results as lines of text, run by run."""
    for path, results in results_by_run.items():
        yield from (path, *result_lines(results))


def _json(results_by_run: Mapping[str, Iterable[Result]]) -> list[str]:
    """Return the results as lines of JSON, by run folder."""
    listed = {
        path: [result_as_json(result) for result in results]
        for path, results in results_by_run.items()
    }
    return json.dumps(listed, indent=1).split("\n")


def _of_folder(run: Path, cache: Path) -> tuple[Result, ...]:
    """Return the results of all rules for a run, or an error as its only result."""
    try:
        return apply_rules(gather_finished_run(run, cache), rule_names())
    except (OSError, AffuseError) as error:
        return (Result("run", (Finding(f"it cannot be read: {error}"),)),)
