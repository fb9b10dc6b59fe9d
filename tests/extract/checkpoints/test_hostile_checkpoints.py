"""Forged checkpoint folders: each gives one error, quickly, and executes nothing.

The folders are in `hostile_checkpoints`. The time limit of a case only stops a case
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
from transformers import DistilBertConfig

from affuse.data.errors import AffuseError
from affuse.extract.encoding import encoder_loading
from affuse.extract.encoding.choices import Choice, Machine
from affuse.extract.finetune.bench import peak_memory

MOST = 2**30  # bytes that loading a hostile checkpoint may take at any moment
ROOM = 2**33  # bytes of addresses beyond those in use, so that nothing worse happens
LENGTH = 1_000  # characters of a sentence
INVALID_LABELS = (
    "a label that is null",
    "headed rating that is null",
    "headed ratings that are numbers",
)


@pytest.fixture(scope="session")
def valid_checkpoint(tmp_path_factory):
    """A folder with a valid checkpoint of each kind."""
    root = tmp_path_factory.mktemp("valid")
    for kind in forged_checkpoints.KINDS:
        load(forged_checkpoints.make(root / kind, kind), kind)  # imports what it needs
    return root


@pytest.fixture
def forge(valid_checkpoint, tmp_path, monkeypatch):
    """Copy a valid checkpoint and edit it, in a working folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    def make(kind, edit):
        folder = tmp_path / "forged"
        shutil.copytree(valid_checkpoint / kind, folder)
        edit(folder)
        return folder

    return make


def load(folder, kind, **options):
    modality = "text" if kind == "text" else "audio"
    encoder = encoder_loading.encoder_for_checkpoint(modality, str(folder), "")
    choice = Choice(modality, encoder, checkpoint=str(folder), **options)
    return encoder_loading.load(choice, Machine(threads=1))


@contextmanager
def limited_process():
    """Limit the time and the memory of this process in the context."""
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
    """Return the error of loading a checkpoint, and the peak memory in bytes."""
    with limited_process():
        before = process_bytes("VmRSS:")
        with suppress(OSError):  # a container may forbid it; then nothing is measured
            peak_memory.CLEAR.write_text(peak_memory.RESET)
        with pytest.raises(AffuseError) as caught:
            load(folder, kind, **options)
        return str(caught.value), process_bytes("VmHWM:") - before


def process_bytes(what):
    """Return a memory value of this process, in bytes, as Linux states it."""
    return 1024 * int(peak_memory.STATUS.read_text().partition(what)[2].split()[0])


def skip_where_labels_are_validated(name):
    """Skip a case of labels that this version of transformers itself refuses."""
    if name not in INVALID_LABELS:
        return
    try:
        DistilBertConfig(id2label={"0": None})
    except Exception as error:  # of a version of huggingface_hub
        pytest.skip(f"this version of transformers refuses such labels: {error!r:.60}")


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_checkpoint_is_one_sentence(name, forge, tmp_path):
    skip_where_labels_are_validated(name)
    case = CASES[name]
    said, taken = attempt(forge(case.start, case.edit), case.start, **case.options)
    assert re.search(case.sentence, said), said
    assert len(said) <= LENGTH
    assert said.isprintable()
    assert taken < MOST
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize("name", HARMLESS)
def test_unusual_but_harmless_checkpoints_load(name, forge, tmp_path):
    skip_where_labels_are_validated(name)
    kind, edit = HARMLESS[name]
    with limited_process():
        assert load(forge(kind, edit), kind).checkpoint.weights
    assert not (tmp_path / MARKER).exists()


@pytest.mark.parametrize("kind", forged_checkpoints.KINDS)
def test_the_unedited_checkpoints_are_valid(kind, valid_checkpoint):
    with limited_process():
        assert load(valid_checkpoint / kind, kind).checkpoint.name == kind


def test_a_text_on_which_a_tokenizer_fails_is_named(forge):
    edit = forged_checkpoints.strict(
        forged_checkpoints.put("model", "unk_token", value="[NONE]")
    )
    encoder = load(forge("text", edit), "text")
    with (
        limited_process(),
        pytest.raises(AffuseError, match="fails on the text '€': Exceptio"),
    ):
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
def test_the_command_prints_one_line_for_a_hostile_checkpoint(name, forge, tmp_path):
    """The command line encodes two utterances."""
    case = CASES[name]
    forged = forge(case.start, case.edit)
    table = tunable_checkpoints.table(tmp_path / "corpus", each=1, sessions=2)
    words = ("extract", "manifest", table, "--scale", 1, 5, "--threads", 1)
    modality = ("--modality", case.start, f"--{case.start}-checkpoint", forged)
    with limited_process():
        done = call(*words, *modality, "--cache", tmp_path / "cache")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert re.match("Error: .*checkpoint", done.stderr)
    assert not (tmp_path / MARKER).exists()
