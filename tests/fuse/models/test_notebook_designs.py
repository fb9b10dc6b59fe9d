"""Classes of a notebook as designs, tested on the results of `notebook_script`."""

import json
import os
import pickle
import subprocess
import sys
import types

import numpy as np
import pytest
from locations import ROOT, SUPPORT
from torch import nn

from affuse.fuse.models.design import Design, find
from affuse.fuse.models.designs import crossattention, early, experts
from affuse.fuse.models.system import modalities

SCRIPT = SUPPORT / "notebook_script.py"


@pytest.fixture(scope="module")
def found():
    run = subprocess.run(
        [sys.executable, "-W", "error", str(SCRIPT)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.mark.parametrize(
    "way",
    ["earlier", "cloned", "pickled", "set", "assigned", "design", "design cloned"],
)
def test_a_later_cell_changes_no_earlier_design(found, way):
    assert found[way] == found["stated"]
    assert found[way] != found["text"]


def test_a_class_that_is_set_is_read_again(found):
    assert found["read anew"] == found["text"]


def test_a_design_pickles(found):
    assert found["design pickled"] is True
    design = Design(early.Fusion)
    again = pickle.loads(pickle.dumps(design))
    assert again == design
    assert hash(again) == hash(design)


def test_a_search_in_two_processes_equals_one_in_one_process(found):
    assert len(found["one process"]) == 3
    assert np.isfinite(found["one process"]).all()
    assert found["two processes"] == found["one process"]
    assert found["one process"][0] > found["one process"][1] + 0.1  # text alone


def test_declared_properties_reach_other_processes(found):
    assert found["validated in two"] == found["validated"]
    assert found["travelling"] == found["validated"]


@pytest.mark.parametrize(
    "way", ["bare", "nothing to read", "nothing to set", "searched alone"]
)
def test_a_class_without_modalities_fails_at_once(found, way):
    kind, sentence = found[way]
    assert kind == "AffuseError"
    assert "no MODALITIES of <class '__main__.Sum'> can be found" in sentence
    assert "write them inside the class, e.g. MODALITIES = (" in sentence
    assert "pass fusion=Design(Sum, modalities=('audio', 'text'))" in sentence


def test_an_ambiguous_property_is_refused(found):
    kind, sentence = found["leftover"]
    assert kind == "AffuseError"
    assert "TOKENS stands beside it in __main__" in sentence
    assert sentence.endswith("write TOKENS inside the class, True or False")


class Stated(nn.Module):
    MODALITIES = ("text", "audio")
    TOLERANT = True


class Silent(nn.Module):
    pass


def test_properties_inside_a_class_take_precedence(monkeypatch):
    module = sys.modules[__name__]
    monkeypatch.setattr(module, "MODALITIES", ("text",), raising=False)
    assert Design(Stated).modalities == ("text", "audio")
    assert Design(Silent).modalities == ("text",)
    assert (Design(Stated).tolerant, Design(Silent).tolerant) == (True, False)
    # what is given counts before what is stated
    given = Design(Stated, modalities=["audio"], tolerant=False)
    assert (given.modalities, given.tolerant) == (("audio",), False)


def test_properties_beside_a_class_are_read():
    found = Design(crossattention.Fusion)
    assert (found.modalities, found.tokens) == (("audio", "text"), True)
    assert Design(experts.Fusion).tolerant
    for name in ("crossattention", "experts", "early"):
        assert find(name) == Design(find(name).Fusion)
        assert modalities(find(name)) == modalities(name)


def test_a_file_declares_properties_inside_its_class_or_beside_it():
    module = types.ModuleType("design")
    module.Fusion, module.TOKENS = Stated, True
    found = Design.of(module)
    assert (found.modalities, found.tokens) == (("text", "audio"), True)


def test_a_design_does_not_change():
    with pytest.raises(AttributeError, match="cannot assign to field 'modalities'"):
        Design(Stated).modalities = ("text",)


@pytest.mark.parametrize("stated", ["text", ("text", "text"), (), (1,), {"text": 1}])
def test_modalities_are_different_names_in_a_tuple(stated):
    with pytest.raises(ValueError, match="must be different names in a tuple, e.g."):
        Design(Silent, modalities=stated)


@pytest.mark.parametrize("fusion", [7, None, Stated()])
def test_objects_that_are_no_class_are_refused(fusion):
    with pytest.raises(ValueError, match="give the name of a design, or a class with"):
        Design(fusion)
