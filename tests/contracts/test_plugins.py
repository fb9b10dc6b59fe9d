import sys

import pytest

from affuse.data.plugin_kinds import (
    CORPUS_KIND,
    DESIGN_KIND,
    ENCODER_KIND,
    PluginKind,
)
from affuse.data.plugins import load, names


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Package with one valid plug-in, and others that must not be imported."""
    folder = tmp_path / "plugged" / "kinds"
    folder.mkdir(parents=True)
    for name, content in {
        "../__init__": "",
        "__init__": "",
        "good": "'''Says so.'''\nWORD = 'good'\n",
        "broken": "import no_such_package\n",
        "_helper": "raise AssertionError\n",
    }.items():
        (folder / f"{name}.py").write_text(content)
    (folder / "notes.txt").write_text("no plug-in")
    for name in [name for name in sys.modules if name.split(".")[0] == "plugged"]:
        monkeypatch.delitem(sys.modules, name)  # of the test before
    monkeypatch.syspath_prepend(tmp_path)
    return PluginKind("kind", "plugged.kinds", "plugged.kinds")


def test_plugins_are_found_by_file_name_alone(package):
    assert names(package) == ["broken", "good"]


def test_modules_inside_a_package_are_not_plugins(package, tmp_path):
    several = tmp_path / "plugged" / "kinds" / "several"
    several.mkdir()
    (several / "__init__.py").write_text("WORD = 'several'\n")
    (several / "part.py").write_text("raise AssertionError\n")
    (tmp_path / "plugged" / "kinds" / "leftovers").mkdir()
    assert names(package) == ["broken", "good", "several"]
    assert load(package, "several").WORD == "several"


def test_loading_a_plugin_imports_no_other(package):
    assert load(package, "good").WORD == "good"


def test_a_missing_import_of_a_plugin_is_named(package):
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        load(package, "broken")


@pytest.mark.parametrize("name", ["none", "_helper", "", "good.WORD", "../good"])
def test_an_unknown_name_lists_the_choices(package, name):
    reason = (
        f"no kind '{name}': choose from broken, good, or install a package that has an "
        f"entry point for it in the group 'plugged.kinds'"
    )
    with pytest.raises(ValueError, match=reason):
        load(package, name)


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (CORPUS_KIND, {"demo", "emobank", "iemocap", "manifest"}),
        (ENCODER_KIND, {"distilbert", "wav2vec2"}),
        (DESIGN_KIND, {"audio", "early", "late", "text"}),
    ],
)
def test_built_in_plugins_are_listed(kind, known):
    assert known <= set(names(kind))
