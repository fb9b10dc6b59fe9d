"""Asks every rule of `affuse.fuse.linting.rules` about a run; a leak fails it.

``lint.json`` in the run folder keeps what was found after training, rule by rule.
"""

import inspect
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError, options_at_fault
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import RULE_KIND
from affuse.data.plugins import load, load_all, names
from affuse.data.records import Corpus
from affuse.data.runs.leak_record import FAILS
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, Skipped
from affuse.fuse.linting.gathering import planned
from affuse.fuse.training.run_plan import RunPlan

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
    return names(RULE_KIND)


def explain() -> list[str]:
    """Return a line for each rule, with what it holds a run to.

    A rule of another package that cannot be used has a line that says why.
    """
    width = max(map(len, rules()))
    return [f"{name:<{width}}  {_explained(name)}" for name in rules()]


def _explained(name: str) -> str:
    """Return the first line of a rule's docstring, or why there is none."""
    try:
        doc = inspect.getdoc(load(RULE_KIND, name)) or "its module has no docstring"
    except PluginError as error:
        return f"cannot be used: {error}"
    return doc.splitlines()[0]


def check(evidence: Evidence, chosen: Iterable[str]) -> tuple[Result, ...]:
    """What some rules find, each on its own."""
    return tuple(_asked(name, evidence) for name in chosen)


def _asked(name: str, evidence: Evidence) -> Result:
    """Return what one rule finds; one that cannot be used is skipped, and says why."""
    try:
        rule = load(RULE_KIND, name)
    except PluginError as error:
        return Result(name, skipped=str(error))
    return _apply(name, rule, evidence)


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
            load(RULE_KIND, name)
    early = [name for name, rule in load_all(RULE_KIND) if TRAINED not in rule.NEEDS]
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
            r.rule: {**facts(r), "allowed": r.fails and r.rule in allow}
            for r in results
        }
        with digests.rewriting(plan.folder, [RunFolder.leaks]):
            publish(
                RunFolder(plan.folder).leaks,
                (json.dumps(kept, indent=1) + "\n").encode(),
            )
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


def facts(result: Result) -> dict[str, object]:
    """Return a result as a JSON object."""
    return {**asdict(result), "status": result.status}
