"""Asks every rule of `affuse.fuse.linting.rules` about a run; a leak fails it.

``lint.json`` in the run folder keeps what was found after training, rule by rule.
"""

import inspect
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError, options_at_fault
from affuse.data.options.run_options import Lint
from affuse.data.plugins import RULE_PACKAGE, load, names
from affuse.data.records import Corpus
from affuse.data.runs.leak_record import FAILS, LINT
from affuse.data.runs.run_information import INFO
from affuse.data.runs.run_predictions import PREDICTIONS
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, Skipped
from affuse.fuse.linting.gathering import left, planned
from affuse.fuse.training.run_plan import RunPlan

PACKAGE = RULE_PACKAGE
log = logging.getLogger(__name__)


class Leak(AffuseError):
    """A rule fails; the lines name run, rule and what it found."""


@dataclass(frozen=True)
class Result:
    """What one rule found in one run."""

    rule: str
    findings: tuple[Finding, ...] = ()
    skipped: str = ""  # why it could not be applied, or ""

    @property
    def fails(self) -> bool:
        """Whether there is a leak."""
        return any(finding.fatal for finding in self.findings)

    @property
    def status(self) -> str:
        """One word: ok, note, FAILS or skipped."""
        if self.skipped:
            return "skipped"
        return FAILS if self.fails else "note" if self.findings else "ok"


def rules() -> list[str]:
    """All rules, by name."""
    return names(PACKAGE)


def explain() -> list[str]:
    """Every rule with what it holds a run to."""
    docs = {name: inspect.getdoc(load(PACKAGE, name)) or "" for name in rules()}
    width = max(map(len, docs))
    return [f"{name:<{width}}  {doc.splitlines()[0]}" for name, doc in docs.items()]


def check(evidence: Evidence, chosen: Iterable[str]) -> tuple[Result, ...]:
    """What some rules find, each on its own."""
    return tuple(_apply(name, load(PACKAGE, name), evidence) for name in chosen)


def _apply(name: str, rule: ModuleType, evidence: Evidence) -> Result:
    lacking = [
        evidence.missing[need] for need in rule.NEEDS if need in evidence.missing
    ]
    if lacking:
        return Result(name, skipped=lacking[0])
    try:
        return Result(name, tuple(rule.findings(evidence)))
    except Skipped as reason:
        return Result(name, skipped=str(reason))
    except (OSError, AffuseError) as error:  # a file that cannot be read
        return Result(name, (Finding(str(error)),))


def check_plans(
    plans: Sequence[RunPlan],
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    allow: Sequence[str] = (),
) -> None:
    """All that can be asked before time is spent on training.

    Args:
        plans: of one command
        corpus: they are all of it
        embeddings: that they are trained on
        allow: rules whose failure is only logged

    Raises:
        Leak: if another rule fails; nothing is written
        OptionError: if a rule that is allowed is none
    """
    with options_at_fault():
        for name in allow:
            load(PACKAGE, name)
    early = [name for name in rules() if TRAINED not in load(PACKAGE, name).NEEDS]
    found = {
        plan.info.name: check(planned(plan, corpus, embeddings, trained=False), early)
        for plan in plans
    }
    said = (r.findings for results in found.values() for r in results)
    for text in dict.fromkeys(f.text for each in said for f in each if f.said):
        log.warning("%s", text)
    _refuse(found, allow, "nothing was trained")


def check_runs(
    plans: Sequence[RunPlan],
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    allow: Sequence[str] = (),
) -> None:
    """All rules about runs that are trained; what they find is kept beside each.

    Raises:
        Leak: if a rule fails that is not allowed to; the runs stay as they are
    """
    found = {}
    for plan in plans:
        results = check(planned(plan, corpus, embeddings, trained=True), rules())
        kept = {
            r.rule: {**_facts(r), "allowed": r.fails and r.rule in allow}
            for r in results
        }
        with digests.rewriting(plan.folder, [LINT]):
            publish(plan.folder / LINT, (json.dumps(kept, indent=1) + "\n").encode())
        found[plan.info.name] = results
    _refuse(found, allow, "what was trained stays, but is not to be reported")


def _refuse(
    found: Mapping[str, Iterable[Result]], allow: Sequence[str], end: str
) -> None:
    """Raise if a rule fails that must not; `found` is by run."""
    leaks: dict[str, list[Result]] = {}
    for run, results in found.items():
        for result in results:
            if result.fails and result.rule in allow:
                for line in (run, *lines([result])):
                    log.warning("%s", line)
            elif result.fails:
                leaks.setdefault(run, []).append(result)
    if leaks:
        shown = [line for run, r in leaks.items() for line in (run, *lines(r))]
        failing = sorted({result.rule for each in leaks.values() for result in each})
        meant = " ".join(f"--allow {rule}" for rule in failing)
        end += f"; if it is meant to be so: {meant}"
        raise Leak("a rule of the linter fails", *shown, end)


def lines(found: Iterable[Result]) -> list[str]:
    """Each rule with what it found, for people."""
    shown = []
    for result in found:
        shown.append(f"  {result.rule}: {result.status}  {result.skipped}".rstrip())
        for finding in result.findings:
            shown.append(f"    {'' if finding.fatal else 'note: '}{finding.text}")
    return shown


def command(say: Callable[[str], object], options: Lint) -> bool:
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
    marks = (path for name in (INFO, PREDICTIONS) for path in runs.glob(f"*/{name}"))
    chosen = options.folders or sorted({path.parent for path in marks})
    if not chosen:
        raise FileNotFoundError(f"no run below {runs}; train first, or name a run")
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
    facts = {path: [_facts(r) for r in results] for path, results in found.items()}
    return json.dumps(facts, indent=1).split("\n")


def _of_folder(run: Path, cache: Path) -> tuple[Result, ...]:
    """All rules about one run, or why it cannot be read: others go on."""
    try:
        return check(left(run, cache), rules())
    except (OSError, AffuseError) as error:
        return (Result("run", (Finding(f"it cannot be read: {error}"),)),)


def _facts(result: Result) -> dict[str, object]:
    """A result for machines."""
    return {**asdict(result), "status": result.status}
