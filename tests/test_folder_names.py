"""Each file name of a run, cache or sweep is written once: in a folder record."""

import ast
import importlib
import re
from functools import cache
from pathlib import Path

import pytest
from locations import ROOT

from affuse.data.cache.cache_folder import (
    CacheFolder,
    CorpusFolder,
    part_lock,
    part_number,
)
from affuse.data.runs.checkpoint_folder import CheckpointFolder
from affuse.data.runs.finetuning_folder import FinetuningFolder, HeadFolder
from affuse.data.runs.run_folder import ModelFolder, RunFolder
from affuse.data.system.folder_file import FolderFile
from affuse.fuse.sweep.sweep_folder import SweepFolder

FILES = sorted(
    path.relative_to(ROOT)
    for layer in ("data", "extract", "fuse")
    for path in (ROOT / layer).rglob("*.py")
)
RECORDS = [path for path in FILES if path.stem.endswith("_folder")]
# Names that contain a number or a pattern.
PATTERN = re.compile(r"\bseed-|\bpart-[\d?*\[\\{]|\bcheckpoint-\*|^part-$|\*-\*")
HUB = {CheckpointFolder.configuration}  # a name of transformers, used in extract too
SUMS = Path("data/system/digests.py")  # defines the name of all manifests


@cache
def names():
    """Return the file names of all records, without names of folders."""
    modules = [
        importlib.import_module(f"affuse.{'.'.join(path.with_suffix('').parts)}")
        for path in RECORDS
    ]
    classes = [c for m in modules for c in vars(m).values() if isinstance(c, type)]
    files = [f.name for c in classes for f in vars(c).values() if type(f) is FolderFile]
    return {name for name in files if name != name.upper() and "." in name} | {
        ModelFolder.manifest
    }


def literals(path):
    """Yield every string of a module that is no docstring."""
    source = (ROOT / path).read_text(encoding="utf-8")
    if not names_in(source):  # parsing all files would take long
        return
    tree = ast.parse(source)
    texts = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in texts:
                yield node.value


def names_in(text):
    """Return the recorded file names in a text, except as the end of a longer name."""
    return {*pattern().findall(text), *PATTERN.findall(text)}


@cache
def pattern():
    """Return a regular expression that matches every recorded file name."""
    longest = sorted(names(), key=len, reverse=True)
    return re.compile(rf"(?<![\w.])(?:{'|'.join(map(re.escape, longest))})")


def test_folder_records_and_their_file_names_are_found():
    assert {"run_folder", "cache_folder", "sweep_folder"} < {p.stem for p in RECORDS}
    assert {"run.json", "problems.csv", "best.toml", "finetune.json"} < names()


@pytest.mark.parametrize(
    "text", ["a run.json", "*/seed-*", "part-[0-9]", "x/folds.csv"]
)
def test_a_file_name_in_a_text_is_detected(text):
    assert names_in(text)


def test_no_module_writes_a_file_name_outside_the_records():
    found = {
        str(path): held
        for path in FILES
        if path not in RECORDS
        for held in [set().union(*map(names_in, literals(path)))]
        if held - (HUB if path.parts[0] == "extract" else set())
        and (path, held) != (SUMS, {ModelFolder.manifest})
    }
    assert found == {}


def test_each_file_name_is_written_in_one_record_only():
    written = [text for path in RECORDS for text in set(literals(path))]
    assert sorted({n for n in names() if written.count(n) > 1}) == []


def test_a_folder_file_is_a_name_in_the_class_and_a_path_in_an_instance():
    assert RunFolder.info == "run.json"
    assert RunFolder(Path("runs/toy")).info == Path("runs/toy/run.json")
    assert HeadFolder.weights == ModelFolder.weights == CheckpointFolder.weights


def test_a_run_folder_lists_its_models(tmp_path):
    run = RunFolder(tmp_path)
    for fold, seed in (("b", 1), ("b", 0), ("a*", 0)):
        run.model(fold, seed).path.mkdir(parents=True)
    run.model("b", 1).predictions.touch()
    assert [(m.fold, m.seed) for m in run.models()] == [("a*", 0), ("b", 0), ("b", 1)]
    assert [m.seed for m in run.models(fold="b")] == [0, 1]
    assert run.models(file=ModelFolder.predictions) == [run.model("b", 1)]
    assert run.models(fold="a*", file=ModelFolder.predictions) == []
    assert ModelFolder(tmp_path / "b" / "seed-01").seed is None
    assert run.model("b", 2).lock == tmp_path / "b" / ".seed-2.lock"


def test_runs_below_a_folder_are_found_by_their_files(tmp_path):
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
    RunFolder(tmp_path / "b").info.touch()
    RunFolder(tmp_path / "b").predictions.touch()
    RunFolder(tmp_path / "a").predictions.touch()
    both = RunFolder.find(tmp_path, RunFolder.info, RunFolder.predictions)
    assert [run.path.name for run in both] == ["a", "b"]


def test_a_cache_folder_lists_its_parts_and_locks(tmp_path):
    cache = CacheFolder(tmp_path)
    for number in (2, 0):
        cache.part(number).touch()
    beside = cache.part(2).with_name(f"{cache.part(2).name}.sha256")
    beside.touch()
    (tmp_path / "part-1.h5").touch()
    assert list(cache.parts()) == [0, 2]
    assert cache.surplus(1) == [cache.part(2), beside]
    assert part_number(beside) == 2
    assert part_lock(beside) == part_lock(cache.part(2)) != part_lock(cache.part(0))
    part_lock(beside).touch()
    assert cache.locks() == [part_lock(beside)]


def test_a_corpus_folder_lists_its_caches(tmp_path):
    for name in ("text-a-1", "audio-a-1", "audio-b"):
        (tmp_path / name).mkdir()
    corpus = CorpusFolder(tmp_path)
    assert [c.path.name for c in corpus.caches()] == ["audio-a-1", "text-a-1"]
    assert [c.path.name for c in corpus.caches("text")] == ["text-a-1"]


def test_folders_of_a_finetuning_and_a_sweep_list_finished_work(tmp_path):
    tuned, sweep = FinetuningFolder(tmp_path), SweepFolder(tmp_path)
    tuned.fold("one").path.mkdir()
    assert tuned.finished_folds() == []
    tuned.fold("one").mark.touch()
    assert tuned.finished_folds() == [tuned.fold("one")]
    assert tuned.work("one").path.name == ".one.work" != tuned.lock("one").name
    sweep.trials.mkdir()
    sweep.trial("0f", 3).touch()
    assert sweep.finished() == [sweep.trials / "0f-seed-3.json"]
