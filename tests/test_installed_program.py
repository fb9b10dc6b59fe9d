"""Messages of the installed program name nothing that only a checkout has."""

import ast
import importlib.util
import re
import runpy
import sys
from dataclasses import replace

import numpy as np
import pytest
from locations import ROOT

import affuse
from affuse.data.errors import AffuseError
from affuse.data.records import Corpus, Utterance
from affuse.data.splits import official_splits
from affuse.data.system import environment
from affuse.extract.audio import header_bounds
from affuse.extract.finetune import adapters
from affuse.fuse.commands.dataset_loading import Dataset
from affuse.fuse.settings import Settings
from affuse.fuse.training import run_plan
from affuse.fuse.training.setting_resolution import resolve_settings
from affuse.fuse.training.training_request import TrainingData

RULES = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
CHECKOUT = re.compile(rf"cli\.py|\bmake (?:{'|'.join(RULES)})\b|'\.\[")
ABOUT = {  # modules that distinguish a checkout from an installed copy
    "data/options/command_record.py", "data/system/environment.py",
    "extract/checkpoints/library_failures.py",
}  # fmt: skip


def messages(path):
    """Return every string of a module that is no docstring."""
    source = path.read_text(encoding="utf-8")
    if not CHECKOUT.search(source):
        return []
    tree = ast.parse(source)
    texts = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    found = (n for n in ast.walk(tree) if isinstance(n, ast.Constant))
    return [n.value for n in found if type(n.value) is str and id(n) not in texts]


def test_no_message_names_files_or_targets_of_a_checkout():
    found = {
        (str(path.relative_to(ROOT)), text)
        for layer in ("data", "extract", "fuse")
        for path in (ROOT / layer).rglob("*.py")
        if str(path.relative_to(ROOT)) not in ABOUT
        for text in messages(path)
        if CHECKOUT.search(text)
    }
    assert found == set()


@pytest.mark.parametrize("text", ["python cli.py x", "make setup", "pip '.[av]'"])
def test_files_and_targets_of_a_checkout_are_detected(text):
    assert CHECKOUT.search(text)


@pytest.fixture
def installed_program(monkeypatch):
    """Pretend that the installed command `affuse` was typed, outside a checkout."""
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/affuse", "train"])
    monkeypatch.setattr(environment, "is_checkout", lambda: False)


@pytest.mark.usefixtures("installed_program")
def test_messages_name_commands_of_the_installed_program():
    with pytest.raises(AffuseError, match="afterwards: affuse report --mapped$"):
        resolve_settings(Settings(map="affine"), "early")
    rated = Utterance("a", split="train", ratings={"valence": 0.5})
    unrated = Utterance("b", split="test", text="yes")
    with pytest.raises(AffuseError, match="included: affuse predict RUN --corpus CORP"):
        official_splits.demand([rated], [rated, unrated])


@pytest.mark.usefixtures("installed_program")
def test_messages_name_extras_of_the_installed_package(monkeypatch):
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(AffuseError, match=r"; type: pip install 'affuse\[finetune\]'$"):
        adapters.demand_accelerate()


@pytest.mark.parametrize("extra", ["adapters", "av", "cluster", "finetune"])
def test_a_checkout_installs_extras_from_its_folder(extra):
    assert environment.extra_command(extra) == (
        f"in the folder of this project, type: pip install '.[{extra}]'"
    )
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert f"\n{extra} =\n" in setup


def test_the_package_has_the_version_of_setup_cfg():
    assert affuse.__version__ == environment.version()
    assert f"\nversion = {affuse.__version__}\n" in (ROOT / "setup.cfg").read_text()


def test_repr_of_a_data_set_is_one_line():
    arrays = {"audio": np.zeros((2, 8), np.float32), "text": np.zeros((2, 4))}
    found = Dataset(
        ids=("a", "b"),
        features=arrays,
        ratings=np.zeros((2, 1)),
        targets=("valence",),
        groups={"speaker": np.array(["s", "t"])},
        splits=(),
        left_out={"no rating": 3},
        corpus="toy",
    )
    assert repr(found) == (
        "Dataset(corpus='toy', 2 utterances of 2 speakers, audio (2, 8), text (2, 4), "
        "ratings valence, 0 splits, 3 left out)"
    )


def test_text_extraction_is_advised_only_if_the_corpus_has_words(tmp_path):
    corpus = Corpus(
        name="toy",
        root=tmp_path,
        utterances=(Utterance("a", speaker="s", ratings={"valence": 0.5}),),
        protocol="speakers",
        nature="synthetic",
        scale=(1.0, 5.0),
    )
    plan = {"fusion": "early", "settings": Settings(), "runs": tmp_path}
    audio = {"audio": None}
    with pytest.raises(AffuseError, match="'toy' has no words, .*: --fusion audio$"):
        run_plan.plan_run(TrainingData(corpus, audio), **plan, device="cpu", label="")
    spoken = replace(corpus, utterances=(replace(corpus.utterances[0], text="yes"),))
    with pytest.raises(AffuseError, match="extract text first"):
        run_plan.plan_run(TrainingData(spoken, audio), **plan, device="cpu", label="")


@pytest.mark.parametrize("span", [(0.5, 1500.0), (1500.0, None)])
def test_a_span_in_milliseconds_has_a_hint(span):
    with pytest.raises(header_bounds.Unusable, match="milliseconds, .* as in 1500ms$"):
        header_bounds.frames(32_000, 16_000, 1, span, header_bounds.LONGEST)


def test_other_spans_after_the_end_have_no_hint():
    with pytest.raises(header_bounds.Unusable, match="before 9000.00 s$"):
        header_bounds.frames(32_000, 16_000, 1, (0.0, 9e3), header_bounds.LONGEST)


def test_an_installed_wheel_can_be_run_with_python_m(tmp_path, monkeypatch, capsys):
    pytest.importorskip("setuptools")
    path = ROOT / ".packaging" / "typed_wheel.py"
    spec = importlib.util.spec_from_file_location("typed_wheel", path)
    backend = importlib.util.module_from_spec(spec)
    monkeypatch.setattr("setuptools.command.build_py.build_py.run", lambda self: None)
    spec.loader.exec_module(backend)
    backend.add_files(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["__main__.py", "py.typed"]
    monkeypatch.setattr(sys, "argv", ["affuse", "--version"])
    with pytest.raises(SystemExit) as done:
        runpy.run_path(str(tmp_path / "__main__.py"), run_name="__main__")
    assert not done.value.code
    assert environment.version() in capsys.readouterr().out
