"""READMEs, contributing guide and workflow are short, and name existing files only."""

import re

import click
import pytest
from click.testing import CliRunner
from readme_documents import (
    CARDS,
    DOCUMENTS,
    FENCES,
    ROOT,
    anchors,
    arguments_of,
    broken_emphasis,
    fences,
    links,
    sentences,
    text_of,
)

from affuse import cli

NEEDS = {
    "EmoBank",
    "EmoBank and the MiniLM checkpoint",
    "EmoDB and the rehearsal corpus",
    "IEMOCAP",
    "IEMOCAP and Slurm",
    "IEMOCAP and checkpoints of the hub",
    "IEMOCAP and several machines",
    "IEMOCAP and the extra finetune",
    "MSP-IMPROV",
    "MSP-Podcast",
    "a copy of the repository",
    "a run and the extra serve",
    "a running server",
    "a package registry",
    "a run, recordings and the extra transcribe",
    "a table with a column pleasure",
    "a table, and recordings in another folder",
    "an account on the hub",
    "an interactive shell",
    "espeak-ng",
    "several minutes",
    "the extra transcribe",
    "the teachers and their data",
}
PYTHON = {"README.md", "extract/inference/README.md", "fuse/README.md"}
LINES = 250  # largest number of lines of the README
WORDS = 25  # largest number of words of a sentence


def test_all_fences_are_executed_or_marked():
    assert {f.language for f in FENCES} <= {"sh", "python", "text", "csv"}
    assert {f.document for f in FENCES if f.language == "python"} <= PYTHON
    assert {f.subject for f in FENCES if f.mark == "needs"} == NEEDS
    for name in (*DOCUMENTS, *CARDS):
        assert text_of(name).count("```") == 2 * len(fences(name)), name
    folders = [ROOT / name for name in ("data", "extract", "fuse", "tests")]
    there = [path for folder in folders for path in folder.rglob("README.md")]
    assert {str(path.relative_to(ROOT)) for path in there} <= {*DOCUMENTS, *CARDS}


COMMANDS = [f for f in FENCES if f.language == "sh"]


@pytest.mark.parametrize("fence", COMMANDS, ids=lambda fence: fence.content[:40])
def test_commands_have_existing_options_only(fence):
    for words in fence.commands():
        found = arguments_of(words)
        if found is None:
            continue
        command = cli.main
        while found and found[0] in getattr(command, "commands", {}):
            command = command.commands[found.pop(0)]
        options = {
            o
            for p in command.get_params(
                click.Context(command, **command.context_settings)
            )
            for o in p.opts
        }
        assert {w.split("=")[0] for w in found if w.startswith("--")} <= options, words


def test_shell_completion_is_documented_and_works():
    done = CliRunner().invoke(
        cli.main, prog_name="affuse", env={"_AFFUSE_COMPLETE": "zsh_source"}
    )
    assert done.output.startswith("#compdef affuse")
    assert "_AFFUSE_COMPLETE=bash_source affuse" in text_of("README.md")


# Links, lengths, and the workflow


@pytest.mark.parametrize("document", [*DOCUMENTS, ".github/CHANGELOG.md"])
def test_links_lead_to_files_and_headings(document):
    for link in links(document):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        path = (ROOT / document).parent / file if file else ROOT / document
        assert path.exists(), link
        assert not anchor or anchor in anchors(path), link


@pytest.mark.parametrize("document", [*DOCUMENTS, *CARDS, ".github/CHANGELOG.md"])
def test_bold_words_are_between_two_marks(document):
    assert broken_emphasis(text_of(document)) == []


@pytest.mark.parametrize(
    "line",
    [
        "** **Unit of intervals.** It is the dialogue.",
        "***Rows.** Means are fitted on training rows only.",
        "** Nothing is dropped silently.",
        "* **Filters. They select runs.",
    ],
)
def test_broken_bold_marks_are_found(line):
    text = f"* **Before.** One.\n{line}\n* **After.** Two.\n"
    assert broken_emphasis(text) == [line]
    assert broken_emphasis("* **Before\n  this.** `**kwargs`\n* `a ** b` **c**\n") == []


OURS = [name for name in DOCUMENTS if "demo" not in name and "mini" not in name]


def test_sentences_are_short():
    every = [sentence for name in OURS for sentence in sentences(name)]
    long = [sentence for sentence in every if len(sentence.split()) > WORDS]
    assert len(long) < 0.05 * len(every), long


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= LINES


def test_the_workflow_calls_existing_targets():
    workflow = text_of(".github/workflows/tests.yml")
    makefile = text_of("Makefile")
    lines = re.findall(r"run: make (.+)$", workflow, re.MULTILINE)
    targets = " ".join(lines).split()
    assert {"lint", "type", "test", "test-oldest"} <= {*targets}
    assert all(re.search(rf"^{t}\b.*:", makefile, re.MULTILINE) for t in targets)
    uses = re.findall(r"uses: (\S+)", workflow)
    assert all(re.fullmatch(r"[\w/-]+@v\d+", use) for use in uses)


def test_documents_name_existing_make_targets():
    named = {
        t for name in DOCUMENTS for t in re.findall(r"`make ([a-z-]+)", text_of(name))
    }
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert named <= targets
    assert {"check", "test-slow", "bench"} <= named
