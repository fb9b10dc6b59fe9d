"""Forged checkpoint folders: one sentence each, quickly, and nothing is executed.

The folders are in `hostile_checkpoints`. How long a case may take guards against a case
that hangs; it measures nothing.
"""

import re
import resource
import shutil
from contextlib import contextmanager, suppress

import forged_checkpoints
import pytest
import tunable_checkpoints
from cli_calls import call
from forged_checkpoints import CASES, HARMLESS, MARKER
from irregular_files import fail_if_slow

from affuse.data.errors import AffuseError
from affuse.extract.encoding import encoder_loading
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.finetune.bench import peak_memory

MOST = 2**30  # bytes that loading a hostile checkpoint may take at any moment
ROOM = 2**33  # bytes of addresses beyond those in use, so that nothing worse happens
LENGTH = 1_000  # characters of a sentence


@pytest.fixture(scope="session")
def valid(tmp_path_factory):
    """A folder with a valid checkpoint of each kind."""
    root = tmp_path_factory.mktemp("valid")
    for kind in forged_checkpoints.KINDS:
        load(forged_checkpoints.make(root / kind, kind), kind)  # imports what it needs
    return root


@pytest.fixture
def forge(valid, tmp_path, monkeypatch):
    """Copy a valid checkpoint and edit it, in a working folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    def make(kind, edit):
        folder = tmp_path / "forged"
        shutil.copytree(valid / kind, folder)
        edit(folder)
        return folder

    return make


def load(folder, kind, **options):
    modality = "text" if kind == "text" else "audio"
    encoder = encoder_loading.suited(modality, str(folder), "")
    choice = Choice(modality, encoder, checkpoint=str(folder), **options)
    return encoder_loading.load(choice, Machine(threads=1))


@contextmanager
def guarded():
    """Neither hang nor fill the memory of the machine, whatever happens inside."""
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, hard))
    try:
        with fail_if_slow():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


def attempt(folder, kind, **options):
    """The error of loading it, and the memory that it took at most."""
    with guarded():
        before = counted("VmRSS:")
        with suppress(OSError):  # a container may forbid it; then nothing is measured
            peak_memory.CLEAR.write_text(peak_memory.ANEW)
        with pytest.raises(AffuseError) as caught:
            load(folder, kind, **options)
        return str(caught.value), counted("VmHWM:") - before


def counted(what):
    """Bytes of this process, as Linux counts them."""
    return 1024 * int(peak_memory.STATUS.read_text().partition(what)[2].split()[0])


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_checkpoint_is_one_sentence(name, forge, tmp_path):
    case = CASES[name]
    said, taken = attempt(forge(case.start, case.edit), case.start, **case.options)
    assert re.search(case.sentence, said), said
    assert len(said) <= LENGTH
    assert said.isprintable()
    assert taken < MOST
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_odd_and_harmless_loads(name, forge, tmp_path):
    kind, edit = HARMLESS[name]
    with guarded():
        assert load(forge(kind, edit), kind).checkpoint.weights
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize("kind", forged_checkpoints.KINDS)
def test_what_the_cases_start_from_is_valid(kind, valid):
    with guarded():
        assert load(valid / kind, kind).checkpoint.name == kind


def test_a_text_on_which_a_tokenizer_fails_is_named(forge):
    edit = forged_checkpoints.strict(
        forged_checkpoints.put("model", "unk_token", value="[NONE]")
    )
    encoder = load(forge("text", edit), "text")
    with guarded(), pytest.raises(AffuseError, match="fails on the text '€': Exceptio"):
        encoder.prepare("€")


@pytest.mark.parametrize(
    "name",
    [
        "text config is a pipe",
        "text config is endless",
        "text layers huge",
        "text heads none",
        "text index that leads out",
        "text width of a million",
        "text tokenizer is a pipe",
        "text pickle that runs code",
        "audio rate a list",
        "audio weights are endless",
    ],
)
def test_the_command_says_one_line(name, forge, tmp_path):
    """Through the command line, as a user meets it, with two utterances."""
    case = CASES[name]
    forged = forge(case.start, case.edit)
    table = tunable_checkpoints.table(tmp_path / "corpus", each=1, sessions=2)
    words = ("extract", "manifest", table, "--scale", 1, 5, "--threads", 1)
    modality = ("--modality", case.start, f"--{case.start}-checkpoint", forged)
    with guarded():
        done = call(*words, *modality, "--cache", tmp_path / "cache")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert re.match("Error: .*checkpoint", done.stderr)
    assert not (tmp_path / MARKER).exists()
