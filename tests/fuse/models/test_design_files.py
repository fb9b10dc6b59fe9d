"""Designs from a user's files: which commands execute them, what a run records."""

import dataclasses
import hashlib
import json
import os
import sys

import learnable_corpus
import pytest
from fake_distributions import forget
from installed_designs import DESIGN, call, train

from affuse.data import plugin_files, plugins
from affuse.data.cache import corpus_table, parts
from affuse.data.cache.parts import Part
from affuse.data.errors import AffuseError, OptionError
from affuse.data.options.training_options import Sweep, Train
from affuse.data.plugin_kinds import DESIGN_KIND
from affuse.data.runs.run_information import DesignFile, read_info, write_info
from affuse.fuse.commands.calibrate_command import calibrate
from affuse.fuse.commands.report_command import collect, render
from affuse.fuse.commands.requested_designs import with_files
from affuse.fuse.commands.table_training import train_designs
from affuse.fuse.linting import linter
from affuse.fuse.linting.evidence import TRAINED
from affuse.fuse.linting.gathering import gather_finished_run
from affuse.fuse.models import code_revisions, designs
from affuse.fuse.models.design_files import use_files
from affuse.fuse.models.trainable.design_registry import design_names
from affuse.fuse.robustness import ablation
from affuse.fuse.trained import prediction


@pytest.fixture(autouse=True)
def forget_design_files():
    """No file is a design before a test or after it."""
    forget()
    yield
    for name in [name for name in sys.modules if name.startswith(plugin_files.PREFIX)]:
        del sys.modules[name]
    forget()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "product.py"
    path.write_text(DESIGN)
    return path


@pytest.fixture
def cached(tmp_path):
    """The folder of caches of the learnable corpus."""
    cache = tmp_path / "cache"
    corpus_table.save(learnable_corpus.corpus(), cache)
    for found in learnable_corpus.embeddings().values():
        made = Part(found.ids, found.contents, tuple(found.values), found.head, ())
        path = parts.part_path(cache / "toy" / found.recipe.folder(), 0)
        parts.write(path, made, recipe=found.recipe, parts=1, versions={})
    return cache


@pytest.fixture
def run(file, tmp_path):
    """A run of that file, which later commands do not know of."""
    use_files([file])
    folder = train(tmp_path / "runs", "product")
    forget()
    return folder


def predict(folder):
    return prediction.predict(folder, learnable_corpus.embeddings()).mean


def test_a_file_is_a_design_like_those_in_the_folder(file, tmp_path, monkeypatch):
    assert use_files([file]) == ("product",)
    assert "product" in design_names()
    own = predict(train(tmp_path / "own", "product"))
    forget()
    folder = tmp_path / "designs"
    folder.mkdir()
    (folder / "product.py").write_text(DESIGN)
    monkeypatch.setattr(designs, "__path__", [*designs.__path__, str(folder)])
    spec = designs.__spec__
    monkeypatch.setattr(spec, "submodule_search_locations", designs.__path__)
    theirs = predict(train(tmp_path / "theirs", "product"))
    sys.modules.pop("affuse.fuse.models.designs.product")
    assert own.tobytes() == theirs.tobytes()


def test_a_run_records_path_and_digest_of_the_file(file, run):
    info = read_info(run)
    digest = hashlib.sha256(DESIGN.encode()).hexdigest()
    assert info.design_file == DesignFile(str(file.resolve()), digest)
    assert info.code.startswith("code ")
    assert not (file.parent / "__pycache__").exists()


def test_a_run_of_another_design_records_no_file(run, tmp_path):
    info = dataclasses.replace(read_info(run), design="early", design_file=None)
    write_info(tmp_path, info)
    assert "design_file" not in json.loads((tmp_path / "run.json").read_text())
    assert read_info(tmp_path) == info


def test_an_edited_file_is_another_run_and_a_comment_is_not(file, run):
    file.write_text(f"# a note\n{DESIGN}")
    use_files([file])
    assert train(run.parent, "product") == run
    file.write_text(DESIGN.replace("self.out(", "2 * self.out("))
    use_files([file])
    assert train(run.parent, "product") != run
    with pytest.raises(AffuseError) as caught:
        predict(run)
    changed = f"the code of the design 'product' in {file.resolve()} has changed since"
    assert changed in str(caught.value)


def test_reading_a_run_never_executes_its_design_file(file, run, tmp_path):
    mark = tmp_path / "ran"
    file.write_text(f"open({str(mark)!r}, 'w')\n{DESIGN}")
    for work in (
        lambda: predict(run),
        lambda: ablation.ablate(run, learnable_corpus.embeddings(), device="cpu"),
    ):
        with pytest.raises(AffuseError) as caught:
            work()
        assert "which is not run unless you name it" in str(caught.value)
        assert f"--design {file.resolve()}" in str(caught.value)
    found = {
        r.rule: r
        for r in linter.apply_rules(
            gather_finished_run(run, tmp_path), linter.rule_names()
        )
    }
    assert f"--design {file.resolve()}" in found["selection"].skipped
    assert "product" in render(collect(run.parent), "text")
    assert "product" in calibrate(run, level=0.9, by="utterance", cache=tmp_path)
    assert not mark.exists()


def test_with_the_file_every_command_can_rebuild_the_network(file, run, tmp_path):
    use_files([file])
    assert predict(run).shape == (learnable_corpus.COUNT, 3)
    lines = ablation.ablate(run, learnable_corpus.embeddings(), device="cpu").lines()
    assert any("audio only" in line for line in lines)
    assert TRAINED not in gather_finished_run(run, tmp_path).missing


@pytest.mark.parametrize("name", ["early", "ridge", "stacking", "all"])
def test_the_name_of_a_built_in_design_is_refused(tmp_path, name):
    path = tmp_path / f"{name}.py"
    path.write_text("raise AssertionError")
    with pytest.raises(OptionError, match=f"'{name}', which is a name of affuse; ren"):
        use_files([path])


@pytest.mark.parametrize("name", ["a-b.py", "2nd.py", "_own.py", "product.txt", "ä.py"])
def test_a_file_with_an_invalid_name_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("raise AssertionError")
    with pytest.raises(OptionError, match="cannot name a design: use letters, digits"):
        use_files([path])


def test_the_name_of_a_packaged_design_is_refused(install, file):
    install("labproduct", {"affuse.designs": "product = labproduct.plug"}, DESIGN)
    with pytest.raises(OptionError, match="a name of the package labproduct 1.0; ren"):
        use_files([file])


def test_two_files_of_one_name_are_refused(file, tmp_path):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "product.py"
    other.write_text(DESIGN)
    with pytest.raises(OptionError, match="two files would be the design 'product'"):
        use_files([file, other])


BROKEN = {
    "x = 1\nraise RuntimeError('one\\ntwo')": "line 2 raises RuntimeError: one; ",
    "x = 1\n\ndef f(:\n": "line 3 raises SyntaxError: invalid syntax",
    "import no_such": "line 1 raises ModuleNotFoundError: No module named 'no_such'",
    "raise SystemExit(2)": "line 1 raises SystemExit: 2",
    "x = '\0'": " raises SyntaxError: source code string cannot contain null bytes",
    "MODALITIES = ('text',)\n": "does not define Fusion, which every design has",
    DESIGN.replace("MODALITIES =", "NAMES ="): "no MODALITIES of",
}


@pytest.mark.parametrize("code", BROKEN)
def test_an_unusable_file_is_reported_in_a_sentence(file, code):
    file.write_text(code)
    with pytest.raises(AffuseError) as caught:
        use_files([file])
    assert BROKEN[code] in str(caught.value)
    assert str(file.resolve()) in str(caught.value)
    assert "product" not in plugins.names(DESIGN_KIND)
    assert f"{plugin_files.PREFIX}product" not in sys.modules


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(OptionError, match="none.py is no file; name a Python file"):
        use_files([tmp_path / "none.py"])


def test_an_edit_within_a_second_is_noticed(file):
    use_files([file])
    first = code_revisions.code_identity("product")
    file.write_text(DESIGN.replace("0.0", "0.1"))
    use_files([file])
    assert code_revisions.code_identity("product") != first


SMALL = ["latent=4", "autoencoder_hidden=8", "hidden=8", "epochs=1"]
SMALL = [word for setting in SMALL for word in ("--set", setting)]


def test_commands_accept_a_design_file(file, cached, tmp_path):
    where = ("--cache", cached, "--runs", tmp_path / "runs")
    done = call("train", "--design", file, "--seeds", 1, *SMALL, *where)
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "runs").iterdir()
    forget()
    for words in (
        ("predict", folder, "--cache", cached),
        ("ablate", folder, "--cache", cached),
    ):
        refused = call(*words)
        assert refused.exit_code == 1
        assert f"add: --design {file.resolve()}" in refused.output
        done = call(*words, "--design", file)
        assert done.exit_code == 0, done.output
        forget()
    assert "design" in call("lint", folder, *where).stdout
    lint = call("lint", folder, "--design", file, *where)
    assert f"--design {file.resolve()}" not in lint.stdout
    forget()
    shown = call("calibrate", folder, "--cache", cached).output
    assert f"--design {file.resolve()}" in " ".join(shown.split())


def test_a_file_of_another_design_is_refused(file, run, tmp_path):
    other = tmp_path / "sum.py"
    other.write_text("raise AssertionError")
    done = call("predict", run, "--design", other)
    assert done.exit_code == 2
    assert "was trained with 'product'; leave" in done.output


def test_the_next_command_of_a_sweep_names_the_file(file, cached, tmp_path):
    where = ("--cache", cached, "--runs", tmp_path / "runs")
    words = ("--grid", "hidden=4,8", "--seeds", 1, "--sweeps", tmp_path / "sweeps")
    done = call("sweep", "--design", file, *words, *SMALL[:4], *SMALL[-2:], *where)
    assert done.exit_code == 0, done.output
    line = done.stdout.rpartition("next: ")[2]
    assert f" --design {file} " in line
    assert "--fusion" not in line


def test_designs_of_files_are_trained_beside_named_designs(file):
    found = with_files(Train(designs=("early", "product"), design_files=(file,)))
    assert found.designs == ("early", "product")
    assert with_files(Sweep(design_files=(file,))).designs == ("product",)
    with pytest.raises(OptionError, match="Missing option '--fusion': name a design"):
        with_files(Train())


def test_python_trains_a_file(file, cached, tmp_path):
    given = {"cache": cached, "runs": tmp_path / "runs", "say": lambda line: None}
    runs = train_designs((), design_files=[file], changes=SMALL[1::2], **given)
    assert list(runs) == ["product"]


def test_the_identity_covers_a_file_in_a_folder_of_packages(tmp_path):
    path = tmp_path / "site-packages" / "product.py"
    path.parent.mkdir()
    found = set()
    for width in (1, 2):
        path.write_text(f"{DESIGN}\nWIDTH = {width}\n")
        use_files([path])
        found.add(code_revisions.code_identity("product"))
    assert len(found) == 2


@pytest.mark.parametrize("made", ["pipe", "folder", "loop"])
def test_irregular_files_are_refused_at_once(tmp_path, made):
    path = tmp_path / "product.py"
    if made == "pipe":
        os.mkfifo(path)
    elif made == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    with pytest.raises(OptionError, match="product.py is no file; name a Python file"):
        use_files([path])


@pytest.mark.parametrize("fusion", ["Fusion = 3", "class Fusion: pass"])
def test_a_fusion_that_is_no_module_is_refused(tmp_path, fusion):
    path = tmp_path / "product.py"
    path.write_text(f"MODALITIES = ('text',)\n{fusion}\n")
    with pytest.raises(AffuseError, match="must be a class that is derived from torch"):
        use_files([path])
