"""Code revisions identify designs and encoders; outdated models are not used."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import spoken_corpus
from locations import ROOT, SUPPORT
from process_starts import python

from affuse.data import plugins
from affuse.data.cache.store import read_headers
from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import ENCODER_KIND
from affuse.data.system import source_digests
from affuse.extract.encoding import encoder_revisions as encoders
from affuse.extract.encoding.encoder_loading import load, make_recipe
from affuse.fuse.models import code_revisions
from affuse.fuse.models.decisions import DECISIONS
from affuse.fuse.models.trainable.design_registry import design_names, find_trainable

DESIGN = '''"""A design of one's own."""

import torch
from torch import nn

from affuse.fuse.models.designs import _mine_parts

MODALITIES = ("audio", "text")


class Fusion(nn.Module):
    """Says nothing new."""

    def __init__(self, dims, *, hidden, targets, dropout=0.0):
        """Make the layers."""
        super().__init__()
        self.drop = nn.Dropout(0.1)  # of the codes
        self.out = _mine_parts.last(sum(dims.values()), targets)

    def forward(self, codes):
        return self.out(self.drop(torch.cat([codes[m] for m in MODALITIES], dim=1)))
'''
PARTS = """from torch import nn


def last(size, targets):
    return nn.Linear(size, targets)
"""


@pytest.mark.parametrize("name", [*code_revisions.BUILT_IN])
def test_the_recorded_digest_of_a_built_in_design_is_current(name):
    """Change the digest with the code, and the revision number if models change."""
    expected = dataclasses.replace(
        code_revisions.BUILT_IN[name], code=code_revisions.digest(name)
    )
    assert code_revisions.BUILT_IN[name] == expected, (
        f"the code of {name} was changed: put {expected.code} into "
        f"fuse/models/code_revisions.py; raise its number too if the same settings "
        f"give other models now"
    )


def test_every_built_in_design_has_a_revision():
    assert {*code_revisions.BUILT_IN, *DECISIONS} == {*design_names()}


@pytest.mark.parametrize("name", DECISIONS)
def test_the_revision_of_a_late_fusion_design_includes_its_base_designs(name):
    assert find_trainable(name).code_revision() == (
        "revision 1 of audio revision 1, text revision 1"
    )


@pytest.fixture
def checkout(tmp_path):
    """Copy of the project with an additional design, for use in a separate process."""
    package = tmp_path / "affuse"
    for name in ("data", "fuse"):
        shutil.copytree(
            ROOT / name,
            package / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.ogg"),
        )
    shutil.copy(ROOT / "__init__.py", package)
    (tmp_path / "affuse" / "fuse" / "models" / "designs" / "mine.py").write_text(DESIGN)
    (tmp_path / "affuse" / "fuse" / "models" / "designs" / "_mine_parts.py").write_text(
        PARTS
    )
    return tmp_path


def design_digest(checkout):
    """Return the digest of the design's code, computed in that checkout."""
    return run_python(
        checkout,
        "from affuse.data.system import source_digests as source_code",
        "package = 'affuse.fuse.models.designs'",
        "print(source_code.digest(f'{package}.mine', [package]))",
    )


def run_python(checkout, *lines):
    """Return what a process in that checkout prints."""
    done = python("\n".join(lines), folder=checkout)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_the_digest_depends_on_code_but_not_on_comments_and_docstrings(checkout):
    own = checkout / "affuse" / "fuse" / "models" / "designs" / "mine.py"
    before = design_digest(checkout)
    assert len(before) == source_digests.DIGITS
    edit(own, "# of the codes", "# of the codes, a tenth")
    edit(own, '"""Says nothing new."""', '"""Says what is known,\n\n    at length."""')
    edit(own, '        """Make the layers."""\n', "")
    edit(own, "self.out(self.drop(", "self.out(\n            self.drop(\n    ")
    assert design_digest(checkout) == before
    edit(own, "Dropout(0.1)", "Dropout(0.2)")
    changed = design_digest(checkout)
    assert changed != before
    edit(own.with_name("_mine_parts.py"), "targets)\n", "targets, bias=False)\n")
    assert design_digest(checkout) not in (before, changed)


def test_the_digest_covers_a_local_package_that_the_design_imports(checkout):
    own = checkout / "affuse" / "fuse" / "models" / "designs" / "mine.py"
    (checkout / "mylab").mkdir()
    (checkout / "mylab" / "__init__.py").write_text("from .layers import WIDTH\n")
    (checkout / "mylab" / "layers.py").write_text("WIDTH = 3\n")
    edit(
        own, "from torch import nn\n", "from mylab import WIDTH\nfrom torch import nn\n"
    )
    before = design_digest(checkout)
    (checkout / "mylab" / "layers.py").write_text("WIDTH = 4\n")
    assert design_digest(checkout) != before


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("mylab/layers.py", "from mylab.layers import WIDTH"),  # without __init__.py
        ("affuse/fuse/mine_too.py", "from affuse.fuse.mine_too import WIDTH"),
        (
            "mylab/layers.py",
            "import importlib; WIDTH = importlib.import_module('mylab.layers').WIDTH",
        ),
    ],
)
def test_the_identity_covers_helper_modules_in_any_folder(checkout, place, line):
    edit(
        checkout / "affuse" / "fuse" / "models" / "designs" / "mine.py",
        "MODALITIES =",
        f"{line}\nMODALITIES =",
    )
    (checkout / place).parent.mkdir(exist_ok=True)
    found = []
    for width in (3, 4):
        (checkout / place).write_text(f"WIDTH = {width}\n")
        found.append(
            run_python(
                checkout,
                "from affuse.data.system import source_digests as s",
                "package = 'affuse.fuse.models.designs'",
                "print(s.identity(f'{package}.mine', [package], None))",
            )
        )
    assert found[0] != found[1]


def test_an_edited_built_in_design_is_identified_by_its_digest(checkout):
    edit(
        checkout / "affuse" / "fuse" / "models" / "designs" / "_concatenated.py",
        "dim=1",
        "dim=-1",
    )
    early, late, mean, mine = run_python(
        checkout,
        "from affuse.fuse.models.trainable.design_registry import find_trainable",
        "for name in ('early', 'late', 'latemean', 'mine'):",
        "    print(find_trainable(name).code_revision())",
    ).splitlines()
    assert code_revisions.code_identity("early") == "revision 1"
    assert late == "revision 1"  # late does not import _concatenated
    assert early.startswith("code ")
    assert mine.startswith("code ")
    assert "audio code " in mean


def test_an_unknown_design_is_refused():
    with pytest.raises(AffuseError, match="no design 'nothing': choose from"):
        code_revisions.code_identity("nothing")


TRAINING = """
import dataclasses, json, sys
sys.path[:0] = [{tests!r}]
import learnable_corpus
from affuse.fuse.commands import design_training as train
from affuse.fuse.settings import Settings
folder = train.run(
    learnable_corpus.corpus(), learnable_corpus.embeddings(), fusion="mine",
    settings=Settings(latent=4, autoencoder_hidden=8, hidden=8, epochs=2),
    seeds=[0], runs={runs!r}, progress=False)
print(folder)
"""


def train_design(checkout, runs):
    """Train the design in that checkout; return the run folder and the warnings."""
    code = TRAINING.format(tests=str(SUPPORT), runs=str(runs)).replace(
        f"runs={str(runs)!r}", f"runs=__import__('pathlib').Path({str(runs)!r})"
    )
    done = python(code, folder=checkout)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip()), done.stderr


def test_an_edited_design_is_trained_as_a_new_run_with_a_warning(checkout, tmp_path):
    own, runs = (
        checkout / "affuse" / "fuse" / "models" / "designs" / "mine.py",
        tmp_path / "runs",
    )
    before, said = train_design(checkout, runs)
    assert "changed" not in said
    first = (before / "predictions.csv").read_bytes()
    edit(own, "Dropout(0.1)", "Dropout(0.5)")
    edit(own, "return self.out(", "return 0.5 * self.out(")
    after, said = train_design(checkout, runs)
    assert after != before
    assert f"the code of the design 'mine' has changed since {before}" in said
    assert (after / "predictions.csv").read_bytes() != first
    assert (before / "predictions.csv").read_bytes() == first
    codes = {json.loads((f / "run.json").read_text())["code"] for f in (before, after)}
    assert len(codes) == 2


def test_models_of_changed_code_are_refused(checkout, tmp_path):
    own, runs = (
        checkout / "affuse" / "fuse" / "models" / "designs" / "mine.py",
        tmp_path / "runs",
    )
    folder, _ = train_design(checkout, runs)
    (unit, *_) = folder.glob("*/seed-0")
    edit(own, "return self.out(", "return 0.5 * self.out(")
    code = f"""
from pathlib import Path
from affuse.data.errors import AffuseError
from affuse.fuse.trained import model_files as units
try:
    units.load(Path({str(unit)!r}))
except AffuseError as error:
    print(error)
"""
    done = python(code, folder=checkout)
    assert done.returncode == 0, done.stderr
    assert "the code of the design 'mine' has changed since" in done.stdout


@pytest.mark.parametrize("name", [*encoders.BUILT_IN])
def test_the_recorded_digest_of_a_built_in_encoder_is_current(name):
    """Change the digest with the code, and the revision number if embeddings change."""
    found = encoders.digest(name)
    assert encoders.BUILT_IN[name].code == found, (
        f"the code of {name} was changed: put {found} into "
        f"extract/encoding/encoder_revisions.py; raise its number too if the same "
        f"recipe gives other embeddings now"
    )


def test_every_built_in_encoder_has_a_revision():
    assert {*encoders.BUILT_IN} == {*plugins.names(ENCODER_KIND)}


EXTRACTING = """
import dataclasses, pathlib, sys
sys.path[:0] = [{tests!r}]
import spoken_corpus
from process_starts import python
from affuse.extract.encoding import encoder_loading as loading
from affuse.extract.caching.extraction import extract
choice = dataclasses.replace(spoken_corpus.CHOICES["text"], encoder="mine")
root = pathlib.Path({root!r})
found = spoken_corpus.corpus(root, count=3)
print(extract(found, choice, spoken_corpus.MACHINE, root / "cache").folder)
"""


def test_the_code_of_an_encoder_is_part_of_its_recipe(monkeypatch):
    encoder = load(spoken_corpus.CHOICES["text"], spoken_corpus.MACHINE)
    first = make_recipe("toy", spoken_corpus.CHOICES["text"], encoder, "0")
    monkeypatch.setattr(encoders, "code_identity", lambda name: f"code of {name}")
    other = make_recipe("toy", spoken_corpus.CHOICES["text"], encoder, "0")
    assert first.code == ""  # as caches of older versions have it
    assert '"code"' not in first.text()
    assert other.code == "code of distilbert"
    assert other.folder() != first.folder()
    assert not other.same_but_content(first)


@pytest.mark.slow
def test_an_edited_encoder_writes_a_new_cache(checkout, tmp_path):
    shutil.copytree(
        ROOT / "extract",
        checkout / "affuse" / "extract",
        ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"),
    )
    folder = checkout / "affuse" / "extract" / "encoders"
    shutil.copy(folder / "distilbert.py", folder / "mine.py")
    code = EXTRACTING.format(tests=str(SUPPORT), root=str(tmp_path / "own"))

    def encoded():
        done = python(code, folder=checkout)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.strip())

    first = encoded()
    assert encoded() == first
    edit(folder / "mine.py", "MAX_TOKENS = 128", "MAX_TOKENS = 127 + 1")
    second = encoded()
    assert second != first
    assert first.is_dir()
    recipes = [read_headers(folder).recipe for folder in (first, second)]
    assert all(recipe.code.startswith("code ") for recipe in recipes)
    difference = recipes[0].difference(recipes[1])
    assert difference.startswith("code=")


def test_an_installed_copy_finds_the_revisions_of_its_code(tmp_path):
    """The code of other installed packages is not part of a digest."""
    package = tmp_path / "site-packages" / "affuse"
    for name in ("data", "extract", "fuse"):
        shutil.copytree(
            ROOT / name,
            package / name,
            ignore=shutil.ignore_patterns("__pycache__", "*.ogg", "*.safetensors"),
        )
    shutil.copy(ROOT / "__init__.py", package)
    done = python(
        "from affuse.extract.encoding import encoder_revisions as encoders\n"
        "from affuse.fuse.models import code_revisions as designs\n"
        "encoder = encoders.code_identity('wav2vec2')\n"
        "design = designs.code_identity('early')\n"
        "print(encoders.__file__, repr(encoder), design)",
        folder=package.parent,
    )
    assert done.returncode == 0, done.stderr
    place, encoder, design = done.stdout.split(maxsplit=2)
    assert Path(place).is_relative_to(package)
    assert (encoder, design) == ("''", "revision 1\n")
