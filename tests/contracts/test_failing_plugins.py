"""An unexpected error of a plug-in is one sentence that names the plug-in."""

import sys

import pytest
from cli_calls import error_sentence
from fake_distributions import forget
from fusion_calls import caches as caches
from fusion_calls import train
from installed_designs import DESIGN, call

from affuse.data import plugins
from affuse.data.errors import AffuseError
from affuse.data.plugin_kinds import ENCODER_KIND
from affuse.extract.parallel import shards
from affuse.fuse.models import designs

CORPUS = """
def read(root):
    return helper({})

def helper(columns):
    return columns["valence"]

def sample(root):
    raise ZeroDivisionError("one\\ntwo")
"""
ENCODER = """
from affuse.extract.encoders import distilbert
from affuse.extract.encoders.distilbert import CHECKPOINT, MODALITY

class Encoder(distilbert.Encoder):
    def __call__(self, batch, each):
        raise RuntimeError("no such layer")
"""
FAILING_DESIGN = DESIGN.replace("return self.out", "raise KeyError(2)  # ")
END = "; correct it, or tell its authors; --debug shows the traceback"


def last_sentence(done):
    """Return the error message of a failed call that has shown a progress bar."""
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    return done.stderr.splitlines()[-1].removeprefix("Error: ")


def test_a_corpus_reader_of_a_package_is_named(install, tmp_path):
    path = install("labcorpus", {"affuse.corpora": "loose = labcorpus.plug"}, CORPUS)
    what = "the corpus reader 'loose' of the package labcorpus 1.0"
    assert error_sentence(call("check", "loose", tmp_path)) == (
        f"{what} ({path}, line 6) raises KeyError: 'valence'{END}"
    )
    assert error_sentence(call("sample", "loose", tmp_path / "new")) == (
        f"{what} ({path}, line 9) raises ZeroDivisionError: one two{END}"
    )


def test_debug_shows_the_traceback(install, tmp_path):
    install("labcorpus", {"affuse.corpora": "loose = labcorpus.plug"}, CORPUS)
    assert isinstance(call("check", "loose", tmp_path, "--debug").exception, KeyError)


@pytest.mark.parametrize(
    "more", [(), pytest.param(("--processes", "2"), marks=pytest.mark.slow)]
)
def test_an_encoder_of_a_package_is_named(install, tmp_path, monkeypatch, more):
    path = install("labenc", {"affuse.encoders": "loose = labenc.plug"}, ENCODER)
    # Worker processes find the package by this variable.
    monkeypatch.setenv("PYTHONPATH", str(path.parents[1]), prepend=":")
    words = ["demo", "--modality", "text", "--encoder", "loose", *more]
    words += ["--text-checkpoint", "mini", "--cache", tmp_path / "cache"]
    done = call("extract", *words, "--limit", 4, "--threads", 2)
    assert last_sentence(done) == (
        f"the encoder 'loose' of the package labenc 1.0 ({path}, line 7) raises "
        f"RuntimeError: no such layer{END}"
    )


def test_a_worker_process_names_the_encoder(install, monkeypatch):
    path = install("labenc", {"affuse.encoders": "loose = labenc.plug"}, ENCODER)
    encoder = plugins.load(ENCODER_KIND, "loose").Encoder
    monkeypatch.setattr(shards, "_encode", lambda shard: encoder.__call__(None, [], 0))
    with pytest.raises(AffuseError, match=f"package labenc 1.0 .{path}, line 7. raise"):
        shards.encode(None)


def test_the_file_of_a_design_is_named(tmp_path, caches):
    forget()
    path = tmp_path / "failing.py"
    path.write_text(FAILING_DESIGN)
    done = train(tmp_path / "runs", "--design", path)
    del sys.modules["affuse_file_failing"]
    forget()
    assert last_sentence(done) == (
        f"the design 'failing' ({path}, line 13) raises KeyError: 2{END}"
    )


def test_a_design_in_the_folder_of_designs_is_named(tmp_path, caches, monkeypatch):
    path = tmp_path / "designs" / "failing.py"
    path.parent.mkdir()
    path.write_text(FAILING_DESIGN)
    monkeypatch.setattr(designs, "__path__", [*designs.__path__, str(path.parent)])
    spec = designs.__spec__
    monkeypatch.setattr(spec, "submodule_search_locations", designs.__path__)
    done = train(tmp_path / "runs", "--fusion", "failing")
    del sys.modules["affuse.fuse.models.designs.failing"]
    assert last_sentence(done) == (
        f"the design 'failing' ({path}, line 13) raises KeyError: 2{END}"
    )
