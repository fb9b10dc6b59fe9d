"""Plug-ins of other packages, tested from the entry point to the user's output."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import spoken_corpus
from fake_distributions import forget
from installed_designs import DESIGN, call, train
from report_runs import example

from affuse.data import plugins
from affuse.data.cache.store import read_headers
from affuse.data.errors import AffuseError
from affuse.data.installed_plugins import PluginError
from affuse.data.modality import other_modalities
from affuse.data.plugin_kinds import (
    BASELINE_KIND,
    CORPUS_KIND,
    DESIGN_KIND,
    ENCODER_KIND,
    FORMAT_KIND,
    KINDS,
    MODALITY_KIND,
    RULE_KIND,
    PluginKind,
)
from affuse.extract.caching.extraction import extract
from affuse.extract.encoding import encoder_revisions
from affuse.extract.encoding.choices import Choice
from affuse.extract.encoding.encoder_loading import encoder_for_checkpoint
from affuse.fuse.commands.report_command import render
from affuse.fuse.commands.requested_designs import expand_designs
from affuse.fuse.linting import linter
from affuse.fuse.models import baselines, code_revisions, decisions
from affuse.fuse.trained import model_files

CORPUS = """
from affuse.data.records import Corpus, Utterance

def read(root):
    one = Utterance("u1", text="so it is", ratings={"valence": 2.0}, speaker="a")
    return Corpus("loose", root, (one,), scale=(1.0, 5.0), protocol="")

def sample(root):
    (root / "words.txt").write_text("so it is")
"""
ENCODER = """
from affuse.extract.encoders.distilbert import CHECKPOINT, MODALITY, Encoder
"""
RULE = '''"""No run is trained on a Sunday."""
NEEDS = ()

def findings(evidence):
    return []
'''
BASELINE = """
def fit(train, validation, *, mapped): ...

def blank(projections, state):
    return sorted(state)
"""
FORMAT = """
def render(tables, *, width):
    return f"{len(tables)} tables on {width} columns\\n"
"""


def test_a_corpus_reader_of_a_package_is_checked(install, tmp_path):
    install("labcorpus", {"affuse.corpora": "loose = labcorpus.plug"}, CORPUS)
    assert "labcorpus.plug" not in sys.modules
    assert "loose" in call("check", "--help").stdout
    assert "labcorpus.plug" not in sys.modules
    done = call("check", "loose", tmp_path)
    assert "1 utterance" in done.stdout, done.output
    assert call("sample", "loose", tmp_path / "new").exit_code == 0
    assert (tmp_path / "new" / "words.txt").exists()


def test_the_recipe_names_the_package_of_an_encoder(install, tmp_path):
    install(
        "labencoder", {"affuse.encoders": "loose = labencoder.plug"}, ENCODER, "2.1"
    )
    choice = Choice("text", encoder="loose", checkpoint="tiny")
    found = spoken_corpus.corpus(tmp_path, count=2)
    folder = extract(found, choice, spoken_corpus.MACHINE, tmp_path / "cache").folder
    cache = read_headers(folder)
    assert cache.recipe.encoder == "loose"
    assert cache.recipe.code.startswith("code ")
    assert cache.recipe.code.endswith(" of labencoder")
    assert cache.versions["labencoder"] == "2.1"


def test_a_run_names_the_package_of_its_design(install, tmp_path):
    path = install("labdesign", {"affuse.designs": "loose = labdesign.plug"}, DESIGN)
    folder = train(tmp_path / "runs")
    info = json.loads((folder / "run.json").read_text())
    assert info["design"] == "loose"
    assert info["code"].startswith("code ")
    assert info["code"].endswith(" of labdesign")
    assert info["versions"]["labdesign"] == "1.0"
    # the same code of a newer version is the same design, other code is another one
    metadata = path.parents[1] / "labdesign-1.0.dist-info"
    text = (metadata / "METADATA").read_text()
    (metadata / "METADATA").write_text(text.replace("1.0", "1.1"))
    metadata.rename(metadata.with_name("labdesign-1.1.dist-info"))
    forget()
    assert code_revisions.code_identity("loose") == info["code"]
    path.write_text(DESIGN.replace("self.out(", "2 * self.out("))
    forget()
    assert code_revisions.code_identity("loose") != info["code"]
    (model,) = folder.glob("*/seed-0")
    with pytest.raises(AffuseError, match="the code of the design 'loose' has changed"):
        model_files.load(model)


def test_the_digest_of_a_design_includes_its_package(install):
    code = "from labbeside import layers\n" + DESIGN
    path = install("labbeside", {"affuse.designs": "loose = labbeside.plug"}, code)
    (path.with_name("layers.py")).write_text("WIDTH = 3\n")
    before = code_revisions.code_identity("loose")
    (path.with_name("layers.py")).write_text("WIDTH = 4\n")
    forget()
    assert code_revisions.code_identity("loose") != before


def test_a_plugin_without_source_is_identified_by_its_version(install, monkeypatch):
    install("labbinary", {"affuse.designs": "loose = labbinary.plug"}, DESIGN, "7")
    module = plugins.load(DESIGN_KIND, "loose")
    monkeypatch.setattr(module.__spec__, "origin", "plug.so")
    assert code_revisions.code_identity("loose") == "version 7 of labbinary"


def test_a_rule_of_a_package_is_listed_and_checked(install, tmp_path):
    install("labrule", {"affuse.rules": "loose = labrule.plug"}, RULE)
    listed = call("lint", "--list").stdout
    assert "loose        No run is trained on a Sunday." in listed
    folder = train(tmp_path / "runs", "text")
    found = json.loads((folder / "lint.json").read_text())
    assert found["loose"]["status"] == "ok"


def test_a_format_of_a_package_renders_a_report(install):
    install("labformat", {"affuse.formats": "loose = labformat.plug"}, FORMAT)
    assert "|loose|" in call("report", "--help").stdout
    assert render([example("a")], "loose", width=70) == "1 tables on 70 columns\n"


def test_a_baseline_of_a_package_is_fitted(install):
    install("labbase", {"affuse.baselines": "loose = labbase.plug"}, BASELINE)
    assert "loose" in plugins.names(BASELINE_KIND)
    assert "loose" not in plugins.names(DESIGN_KIND)
    assert baselines.blank("loose", {}, {"b": 1, "a": 2}) == ["a", "b"]


NAMES = [
    (CORPUS_KIND, "demo", CORPUS),
    (ENCODER_KIND, "whisper", ENCODER),
    (DESIGN_KIND, "early", DESIGN),
    (DESIGN_KIND, "ridge", DESIGN),  # a baseline
    (DESIGN_KIND, "all", DESIGN),
    (RULE_KIND, "speakers", RULE),
    (FORMAT_KIND, "csv", FORMAT),
]


@pytest.mark.parametrize(("kind", "name", "code"), NAMES)
def test_a_plugin_with_a_built_in_name_is_left_out_with_a_warning(
    install, caplog, kind, name, code
):
    before = plugins.names(kind)
    install("labtwin", {kind.group: f"{name} = labtwin.plug"}, code)
    for _ in range(2):
        assert plugins.names(kind) == before
    assert caplog.messages == [
        f"the {kind.noun} '{name}' of the package labtwin 1.0 is left out, "
        f"because '{name}' is a name of affuse; tell the authors of "
        f"labtwin"
    ]
    if name in before:
        assert plugins.load(kind, name).__name__.startswith("affuse.")
    assert "labtwin.plug" not in sys.modules


def test_a_name_that_no_folder_can_have_is_left_out(install, caplog):
    install("labslash", {"affuse.designs": "../x = labslash.plug"}, DESIGN)
    assert "../x" not in plugins.names(DESIGN_KIND)
    assert "'../x' of the package labslash 1.0 is left out" in caplog.text


@pytest.mark.parametrize("second", ["affuse.designs", "affuse.baselines"])
def test_two_packages_of_one_name_are_both_named(install, second):
    install("labone", {"affuse.designs": "loose = labone.plug"}, DESIGN)
    install("labtwo", {second: "loose = labtwo.plug"}, DESIGN, "3")
    assert "loose" in plugins.names(DESIGN_KIND)
    with pytest.raises(PluginError) as caught:
        plugins.load(DESIGN_KIND, "loose")
    assert "labone 1.0 (labone.plug) and labtwo 3 (labtwo.plug)" in str(caught.value)


BROKEN = {
    "import no_such_package": "ModuleNotFoundError: No module named 'no_such_package'",
    "def (": "SyntaxError: invalid syntax",
    "raise RuntimeError('one\\ntwo')": "RuntimeError: one;",
    "raise SystemExit(3)": "SystemExit: 3",
}


@pytest.mark.parametrize("code", BROKEN)
def test_only_a_module_that_cannot_be_imported_is_left_out(install, caplog, code):
    points = {kind.group: "loose = labbroken.plug" for kind in KINDS[:3]}
    points |= {kind.group: "loose_too = labbroken.plug" for kind in KINDS[4:]}
    install("labbroken", points, code)
    for kind in (*KINDS[:3], *KINDS[4:]):
        (name,) = (n for n in plugins.names(kind) if n.startswith("loose"))
        with pytest.raises(PluginError) as caught:
            plugins.load(kind, name)
        said = str(caught.value)
        assert f"{kind.noun} '{name}' of the package labbroken 1.0 cannot be" in said
        assert BROKEN[code] in said
        assert "update or uninstall labbroken" in said
    assert not caplog.messages
    assert encoder_for_checkpoint("text", "mini", "") == "distilbert"
    taken = expand_designs(["all"], ["audio", "text"], head=False)
    assert "early" in taken
    assert "loose" not in taken
    assert any("design 'loose' of the package" in text for text in caplog.messages)
    assert other_modalities() == []
    assert any("modality 'loose_too' of the pack" in text for text in caplog.messages)
    listed = linter.explain_rules()
    assert any(line.startswith("loose_too    cannot be used: rule") for line in listed)
    (result,) = linter.apply_rules(None, ["loose_too"])
    assert result.status == "skipped"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_what_a_module_lacks_is_named(install, kind):
    install("labbare", {kind.group: "loose = labbare.plug"}, "")
    with pytest.raises(PluginError, match=f"lacks {kind.offers[0]}.* in labbare.plug"):
        plugins.load(kind, "loose")


def test_an_entry_point_must_name_a_module(install):
    install("labclass", {"affuse.designs": "loose = labclass.plug:Fusion"}, DESIGN)
    with pytest.raises(PluginError, match="write it as: loose = package.module"):
        plugins.load(DESIGN_KIND, "loose")


def test_only_a_package_with_unreadable_metadata_is_left_out(install, caplog):
    path = install("labmeta", {"affuse.designs": "loose = labmeta.plug"}, DESIGN)
    (metadata,) = path.parents[1].glob("*.dist-info")
    (metadata / "entry_points.txt").write_text("[affuse.designs]\nloose labmeta\n")
    install("labgood", {"affuse.designs": "tidy = labgood.plug"}, DESIGN)
    assert "tidy" in plugins.names(DESIGN_KIND)
    assert "entry points of the package labmeta cannot be read" in caplog.text
    (metadata / "METADATA").unlink()
    shutil.rmtree(path.parent)


def test_groups_and_reserved_names_are_as_documented():
    assert [kind.group for kind in KINDS] == [
        "affuse.corpora",
        "affuse.encoders",
        "affuse.designs",
        "affuse.baselines",
        "affuse.rules",
        "affuse.formats",
        "affuse.modalities",
        "affuse.prediction_formats",
        "affuse.degradations",
    ]
    words = {"all", *decisions.DECISIONS, "zeroshot"}
    assert {*DESIGN_KIND.reserved} == {*BASELINE_KIND.reserved} == words


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_built_in_plugins_offer_the_names_of_their_kind(kind: PluginKind):
    for name in plugins.names(kind):
        assert not [n for n in kind.offers if not hasattr(plugins.load(kind, name), n)]


def test_built_in_plugins_come_from_no_package():
    assert encoder_revisions.packages("whisper") == {}
    assert code_revisions.packages("early") == {}


def test_the_search_is_repeated_when_the_path_changes(install):
    assert "loose" not in plugins.names(DESIGN_KIND)
    install("lablate", {"affuse.designs": "loose = lablate.plug"}, DESIGN)
    assert "loose" in plugins.names(DESIGN_KIND)
    assert Path(plugins.load(DESIGN_KIND, "loose").__file__).name == "plug.py"


def test_only_a_rule_that_raises_an_error_is_left_out(install):
    code = "NEEDS = ()\n\n\ndef findings(evidence):\n    raise KeyError('rule')\n"
    install("labrule", {RULE_KIND.group: "loose = labrule.plug"}, code)
    (result,) = linter.apply_rules(SimpleNamespace(missing={}), ["loose"])
    assert result.status == "skipped"
    assert "'loose' of the package labrule raises KeyError: 'rule'" in result.skipped


def test_only_a_modality_without_its_record_is_left_out(install, caplog):
    install("labface", {MODALITY_KIND.group: "loose = labface.plug"}, "MODALITY = 3")
    assert other_modalities() == []
    assert "'loose' of the package labface lacks its record" in caplog.text
