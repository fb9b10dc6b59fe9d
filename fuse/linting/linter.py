"""Application of the rules in `affuse.fuse.linting.rules` to runs; a leak fails a run.

``lint.json`` in the run folder stores the result of each rule after training.
"""

import inspect
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType

from affuse.data.cache.store import Embeddings
from affuse.data.errors import AffuseError, as_option_errors
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import RULE_KIND
from affuse.data.plugins import load, load_all, names, source
from affuse.data.records import Corpus
from affuse.data.runs.leak_record import FAILS
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.atomic_files import publish
from affuse.fuse.linting.evidence import TRAINED, Evidence
from affuse.fuse.linting.finding import Finding, Skipped
from affuse.fuse.linting.gathering import gather_planned_run
from affuse.fuse.training.run_plan import RunPlan

log = logging.getLogger(__name__)


class Leak(AffuseError):
    """Error of a rule that fails; its lines name the run, the rule and the findings."""


@dataclass(frozen=True)
class Result:
    """Findings of one rule in one run."""

    rule: str
    findings: tuple[Finding, ...] = ()
    skipped: str = ""  # reason why the rule could not be applied, or ""

    @property
    def fails(self) -> bool:
        """True if the rule found a leak."""
        return any(finding.fatal for finding in self.findings)

    @property
    def status(self) -> str:
        """Status in one word: ok, note, FAILS or skipped."""
        if self.skipped:
            return "skipped"
        return FAILS if self.fails else "note" if self.findings else "ok"


def rule_names() -> list[str]:
    """Return the names of all rules."""
    return names(RULE_KIND)


def explain_rules() -> list[str]:
    """Return a line for each rule with its requirement.

    A rule of a plug-in that cannot be loaded has a line with the reason.
    """
    width = max(map(len, rule_names()))
    return [f"{name:<{width}}  {_explained(name)}" for name in rule_names()]


def _explained(name: str) -> str:
    """Return the first line of a rule's docstring, or why it is missing."""
    try:
        doc = inspect.getdoc(load(RULE_KIND, name)) or "its module has no docstring"
    except PluginError as error:
        return f"cannot be used: {error}"
    return doc.splitlines()[0]


def apply_rules(evidence: Evidence, chosen: Iterable[str]) -> tuple[Result, ...]:
    """Return the results of some rules, each independent of the others.

    Args:
        evidence: on the run
        chosen: names of the rules
    """
    return tuple(_result(name, evidence) for name in chosen)


def _result(name: str, evidence: Evidence) -> Result:
    """Return the result of one rule; a rule that cannot be loaded is skipped."""
    try:
        rule = load(RULE_KIND, name)
    except PluginError as error:
        return Result(name, skipped=str(error))
    return _apply(name, rule, evidence)


def _apply(name: str, rule: ModuleType, evidence: Evidence) -> Result:
    """Return the result of one rule; files that cannot be read are a finding."""
    lacking = [
        evidence.missing[need] for need in rule.NEEDS if need in evidence.missing
    ]
    if lacking:
        return Result(name, skipped=lacking[0])
    try:
        return Result(name, tuple(rule.findings(evidence)))
    except Skipped as reason:
        return Result(name, skipped=str(reason))
    except (OSError, AffuseError) as error:
        return Result(name, (Finding(str(error)),))
    except Exception as error:  # the code of another package may raise anything
        if not (package := source(RULE_KIND, name).package):
            raise
        return Result(
            name,
            skipped=f"the rule '{name}' of the package {package} raises "
            f"{type(error).__name__}: {error}; update or uninstall {package}",
        )


def check_plans(
    plans: Sequence[RunPlan],
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    allow: Sequence[str] = (),
) -> None:
    """Apply the rules that need no trained model, before any training.

    Args:
        plans: of the runs of one command
        corpus: of all runs
        embeddings: rows of the caches that the runs are trained on
        allow: names of rules whose failure is only logged

    Raises:
        Leak: if another rule fails; nothing is written
        OptionError: if there is no rule of a name in `allow`
    """
    with as_option_errors():
        for name in allow:
            load(RULE_KIND, name)
    early = [name for name, rule in load_all(RULE_KIND) if TRAINED not in rule.NEEDS]
    by_run = {
        plan.info.name: apply_rules(
            gather_planned_run(plan, corpus, embeddings, trained=False), early
        )
        for plan in plans
    }
    findings = (r.findings for results in by_run.values() for r in results)
    for text in dict.fromkeys(f.text for each in findings for f in each if f.said):
        log.warning("%s", text)
    _refuse(by_run, allow, "nothing was trained")


def check_runs(
    plans: Sequence[RunPlan],
    corpus: Corpus,
    embeddings: Mapping[str, Embeddings],
    *,
    allow: Sequence[str] = (),
) -> None:
    """Apply all rules to trained runs, and write the results into their folders.

    Args:
        plans: of the runs of one command
        corpus: of all runs
        embeddings: rows of the caches that the runs were trained on
        allow: names of rules whose failure is only logged

    Raises:
        Leak: if another rule fails; the runs are kept
    """
    by_run = {}
    for plan in plans:
        results = apply_rules(
            gather_planned_run(plan, corpus, embeddings, trained=True), rule_names()
        )
        record = {
            r.rule: {**result_as_json(r), "allowed": r.fails and r.rule in allow}
            for r in results
        }
        with digests.rewrite_files(plan.folder, [RunFolder.leaks]):
            publish(
                RunFolder(plan.folder).leaks,
                (json.dumps(record, indent=1) + "\n").encode(),
            )
        by_run[plan.info.name] = results
    _refuse(by_run, allow, "the trained runs are kept, but must not be reported")


def _refuse(
    by_run: Mapping[str, Iterable[Result]], allow: Sequence[str], end: str
) -> None:
    """Raise an error if a rule fails that is not in `allow`."""
    leaks: dict[str, list[Result]] = {}
    for run, results in by_run.items():
        for result in results:
            if result.fails and result.rule in allow:
                for line in (run, *result_lines([result])):
                    log.warning("%s", line)
            elif result.fails:
                leaks.setdefault(run, []).append(result)
    if leaks:
        listing = [line for run, r in leaks.items() for line in (run, *result_lines(r))]
        failing = sorted({result.rule for each in leaks.values() for result in each})
        options = " ".join(f"--allow {rule}" for rule in failing)
        end += f"; if this is intended, add {options}"
        raise Leak("a rule of the linter fails", *listing, end)


def result_lines(results: Iterable[Result]) -> list[str]:
    """Return a line for each rule and for each of its findings, for the terminal.

    Args:
        results: of rules
    """
    listing = []
    for result in results:
        listing.append(f"  {result.rule}: {result.status}  {result.skipped}".rstrip())
        for finding in result.findings:
            listing.append(f"    {'' if finding.fatal else 'note: '}{finding.text}")
    return listing


def result_as_json(result: Result) -> dict[str, object]:
    """Return a result as a JSON object.

    Args:
        result: of a rule
    """
    return {**asdict(result), "status": result.status}
