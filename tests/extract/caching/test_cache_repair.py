"""Repair of caches: damaged parts are named, removed and encoded again."""

import errno
import hashlib
import json
import os
import shlex
import shutil
import time

import h5py
import pytest
from click.testing import CliRunner
from part_limits import limit_parts
from small_caches import fill, find_damage, flip, remove_from_manifests
from spoken_corpus import images

from affuse import cli
from affuse.data.cache import part_removal, parts, provenance
from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.cache.checksums import checksum_path
from affuse.data.cache.parts import part_path
from affuse.data.corpora import manifest

ROWS = 4
TINY = ("--audio-checkpoint", "tiny", "--text-checkpoint", "tiny", "--threads", "1")


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def repair(cache, *words):
    return call("cache", "repair", "--cache", cache, *words)


def contents(cache):
    return {p: p.read_bytes() for p in sorted(cache.rglob("*")) if p.is_file()}


def cache_folder(cache, modality):
    (folder,) = cache.glob(f"*/{modality}-*-*/")
    return folder


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    limit_parts(monkeypatch, part_rows=ROWS)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Folder of a corpus and its cache, which no test may change."""
    root = tmp_path_factory.mktemp("original")
    (root / "corpus").mkdir()
    manifest.sample(root / "corpus")
    with pytest.MonkeyPatch.context() as patch:
        limit_parts(patch, part_rows=ROWS)
        words = ["extract", "manifest", root / "corpus", *TINY]
        call(*words, "--cache", root / "cache")
    assert find_damage(root / "cache") == []
    return root


@pytest.fixture
def cache(tmp_path, original):
    return shutil.copytree(original / "cache", tmp_path / "cache")


@pytest.fixture
def undamaged(cache):
    """Digests of the undamaged cache, by modality."""
    return {m: images(cache_folder(cache, m)) for m in ("audio", "text")}


def assert_restored(cache, undamaged):
    assert find_damage(cache) == []
    assert {m: images(cache_folder(cache, m)) for m in undamaged} == undamaged
    assert not [p for p in cache.rglob(".*") if p.is_file()]  # locks, partials


def test_only_what_is_damaged_is_encoded_again(cache, undamaged, encoded):
    audio, text = cache_folder(cache, "audio"), cache_folder(cache, "text")
    wanted = [parts.header(part_path(f, n)).rows for f, n in ((audio, 1), (text, 2))]
    kept = part_path(audio, 0).stat().st_mtime_ns
    flip(part_path(audio, 1), place=0.9)
    part_path(text, 2).unlink()
    result = repair(cache)
    assert result.exit_code == 0, result.output
    assert_restored(cache, undamaged)
    assert sum(encoded) <= sum(wanted)  # equal inputs are encoded once
    assert len(encoded) > 0
    assert part_path(audio, 0).stat().st_mtime_ns == kept
    for line in (
        f"{part_path(audio, 1)} is damaged: its SHA-256 is not the one",
        f"{part_path(audio, 1)}: removed",
        f"{text} lacks 1 of",
        "rebuilding missing parts with: python cli.py extract manifest",
        "audio-s encoded again",
    ):
        assert line in result.output
    before, done = contents(cache), len(encoded)
    again = repair(cache)
    assert (again.exit_code, len(encoded)) == (0, done)
    assert again.output.endswith(f"parts below {cache}, all intact\n")
    assert again.output.count("\n") == 1
    assert contents(cache) == before


@pytest.mark.parametrize("kind", ["truncated", "no sum", "wrong sum", "no part left"])
def test_every_kind_of_damage_is_repaired(cache, undamaged, kind):
    folder = cache_folder(cache, "text")
    path = part_path(folder, 0)
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "no sum":
        checksum_path(path).unlink()
    elif kind == "wrong sum":
        flip(checksum_path(path), place=0.1)
    else:  # as when a repair is killed between dropping and making
        for file in folder.iterdir():
            file.unlink()
    assert repair(cache).exit_code == 0
    assert_restored(cache, undamaged)


def test_a_dry_run_changes_nothing(cache, encoded):
    flip(part_path(cache_folder(cache, "audio"), 1))
    before = contents(cache)
    result = repair(cache, "--dry-run")
    assert result.exit_code == 1
    assert contents(cache) == before
    assert not encoded
    assert (
        f"{part_path(cache_folder(cache, 'audio'), 1)}: would be removed"
        in result.output
    )
    assert "missing parts would be rebuilt with: python cli.py extract" in result.output


def test_surplus_parts_and_partial_files_are_removed(cache, undamaged, encoded):
    folder = cache_folder(cache, "text")
    for path in (part_path(folder, 0), checksum_path(part_path(folder, 0))):
        shutil.copy(path, path.with_name(path.name.replace("00000", "00099")))
    stale = [folder / ".part-00000.h5.0123456789ab.partial"]
    stale += [folder.parent / ".corpus.json.0123456789ab.partial"]
    fresh = folder / ".part-00001.h5.0123456789ab.partial"
    for path in (*stale, fresh):
        path.write_bytes(b"half")
    for path in stale:
        os.utime(path, (1000, 1000))
    assert repair(cache, "--dry-run").exit_code == 1
    result = repair(cache)
    assert (result.exit_code, encoded) == (0, [])
    assert f"{part_path(folder, 99)}: removed" in result.output
    assert "left by a process that died: removed" in result.output
    assert fresh.exists()  # somebody may be writing it
    fresh.unlink()
    assert_restored(cache, undamaged)


def test_partial_files_dated_far_in_the_past_or_future_are_abandoned(tmp_path):
    path = tmp_path / ".part-00000.h5.0123456789ab.partial"
    path.write_bytes(b"half")
    for age, wanted in ((0, []), (2 * part_removal.ABANDONED, [path])):
        for sign in (1, -1):
            moment = time.time() + sign * age
            os.utime(path, (moment, moment))
            assert list(part_removal.abandoned_files(tmp_path)) == wanted


def test_without_provenance_repair_names_the_command_and_removes_nothing(
    cache, encoded
):
    folder = cache_folder(cache, "text")
    provenance.path(folder).unlink()
    flip(part_path(folder, 1))
    before = contents(cache)
    result = repair(cache)
    assert (result.exit_code, encoded) == (1, [])
    assert contents(cache) == before
    assert (
        "repeat the command that made it: python cli.py extract CORPUS ROOT "
        "--name corpus --modality text --text-checkpoint tiny --layers 0,1,2 "
        "--pooling mean+std --dtype float32 --cache" in result.output
    )


def test_without_provenance_and_recipe_repair_gives_general_advice(tmp_path):
    folder = fill(tmp_path, rows=(2,))
    flip(part_path(folder, 0), place=0)
    result = repair(tmp_path)
    assert result.exit_code == 1
    assert "repeat the extract or robustness command that made it" in result.output
    assert part_path(folder, 0).exists()


def test_repair_without_the_corpus_names_the_command_to_repeat(
    tmp_path, original, undamaged
):
    (tmp_path / "corpus").mkdir()
    manifest.sample(tmp_path / "corpus")
    cache = tmp_path / "cache 2"
    call("extract", "manifest", tmp_path / "corpus", *TINY, "--cache", cache)
    flip(part_path(cache_folder(cache, "audio"), 0))
    damaged = contents(cache)
    (tmp_path / "corpus").rename(tmp_path / "away")
    result = repair(cache)
    assert result.exit_code == 1
    assert contents(cache) == damaged
    line = result.output.splitlines()[-1]
    assert f"{tmp_path / 'corpus'} not found" in line
    words = shlex.split(line.partition("repeat: python cli.py ")[2])
    assert words[:3] == ["extract", "manifest", str(tmp_path / "corpus")]
    (tmp_path / "away").rename(tmp_path / "corpus")
    call(*words)
    assert_restored(cache, undamaged)


def test_a_changed_corpus_is_not_encoded_in_place_of_the_old_one(tmp_path, encoded):
    (tmp_path / "corpus").mkdir()
    manifest.sample(tmp_path / "corpus")
    cache = tmp_path / "cache"
    call("extract", "manifest", tmp_path / "corpus", *TINY, "--cache", cache)
    flip(part_path(cache_folder(cache, "text"), 0))
    damaged, done = contents(cache), len(encoded)
    table = tmp_path / "corpus" / "table.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(lines[:-1]), encoding="utf-8")
    result = repair(cache)
    assert (result.exit_code, len(encoded)) == (1, done)
    assert "has changed, so the command would now fill" in result.output
    assert contents(cache) == damaged


def test_parts_of_a_newer_format_are_left_unchanged(cache, encoded):
    path = part_path(cache_folder(cache, "audio"), 1)
    with h5py.File(path, "r+") as file:
        file.attrs["format"] = 2
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    checksum_path(path).write_text(f"{digest}  {path.name}\n")
    flip(part_path(cache_folder(cache, "audio"), 0))
    before = contents(cache)
    result = repair(cache)
    assert (result.exit_code, encoded) == (1, [])
    assert contents(cache) == before
    assert "its format is 2, not 1" in result.output
    assert (
        "is left unchanged: this version does not know part-00001.h5" in result.output
    )


def test_a_renamed_cache_folder_is_left_unchanged(cache, encoded):
    folder = cache_folder(cache, "audio")
    folder.rename(folder.with_name("audio-wav2vec2-000000000000"))
    before = contents(cache)
    result = repair(cache)
    assert (result.exit_code, encoded) == (1, [])
    assert "give it that name" in result.output
    assert contents(cache).items() >= before.items()


@pytest.mark.parametrize("name", ["replace", "unlink", "open"])
def test_repair_reports_a_read_only_file_system(cache, undamaged, monkeypatch, name):
    flip(part_path(cache_folder(cache, "text"), 1))
    real = getattr(os, name)

    def refuse(path, *args, **kwargs):
        flags = args[0] if args and name == "open" else os.O_CREAT
        if str(cache) in str(path) and flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        return real(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, refuse)
        result = repair(cache)
        assert isinstance(result.exception, SystemExit) or result.exception is None
    if result.exit_code:
        assert "Read-only file system" in result.output
        assert "repeat: python cli.py extract manifest" in result.output
    assert repair(cache).exit_code == 0
    assert_restored(cache, undamaged)


def test_repairing_an_old_cache_does_not_make_it_current(tmp_path):
    (tmp_path / "corpus").mkdir()
    manifest.sample(tmp_path / "corpus")
    words = ["extract", "manifest", tmp_path / "corpus", *TINY, "--modality", "text"]
    cache = tmp_path / "cache"
    call(*words, "--cache", cache, "--limit", 6)
    old = cache_folder(cache, "text")
    call(*words, "--cache", cache)
    before = (cache / "corpus" / CorpusFolder.current).read_bytes()
    flip(part_path(old, 0))
    result = repair(cache)
    assert result.exit_code == 0, result.output
    assert "--limit 6" in result.output
    assert (cache / "corpus" / CorpusFolder.current).read_bytes() == before
    assert find_damage(cache) == []


@pytest.mark.parametrize("text", ["", "[]", '{"corpus": 1}', "[" * 100_000])
def test_damaged_provenance_is_reported(cache, text):
    folder = cache_folder(cache, "text")
    provenance.path(folder).write_text(text)
    remove_from_manifests(provenance.path(folder))
    flip(part_path(folder, 0))
    result = repair(cache)
    assert result.exit_code == 1
    assert f"{provenance.path(folder)} is damaged" in result.output
    assert "repeat the command that made it" in result.output


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "3"),
        ("limit", True),
        ("threads", 1.5),
        ("head", "yes"),
        ("layers", "last"),
        ("layers", [3]),
        ("scale", [1]),
        ("scale", ["1", "5"]),
        ("corpus", None),
        ("corpus", "nobody/knows\x1b[2J"),
        ("root", ["a"]),
        ("dtype", "float8"),
        ("modalities", ["audio", "text"]),
        ("text_checkpoint", "/nowhere/at/all"),
    ],
)
def test_forged_provenance_is_refused(cache, name, value):
    folder = cache_folder(cache, "text")
    kept = json.loads(provenance.path(folder).read_text())
    provenance.path(folder).write_text(json.dumps({**kept, name: value}))
    remove_from_manifests(provenance.path(folder))
    flip(part_path(folder, 0))
    before = contents(cache)
    result = repair(cache)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert f"{folder} is not repaired" in result.output
    assert "\x1b" not in result.output
    assert contents(cache) == before


def test_provenance_keeps_every_option_of_the_command():
    taken = {p.name for p in cli.main.commands["extract"].params}
    # who makes it, and how fast, is not what is made
    who = {"cache", "compile", "debug", "processes", "scheduler", "shard"}
    assert taken - who == provenance.FLAGS.keys() | {"corpus", "root"}
    flags = {p.name: p.opts[0] for p in cli.main.commands["extract"].params}
    assert {name: flags[name] for name in provenance.FLAGS} == provenance.FLAGS


def test_the_command_of_a_provenance_makes_the_same_cache(
    tmp_path, original, monkeypatch
):
    monkeypatch.chdir(original)
    words = ["extract", "manifest", "corpus", *TINY, "--name", "own", "--limit", "3"]
    words += ["--layers", "audio=0,2", "--layers", "all", "--pooling", "text=frames"]
    words += ["--scale", "-1", "5", "--nature", "proxy", "--max-seconds", "50"]
    call(*words, "--cache", tmp_path / "a")
    for modality, layers in (("audio", "0,2"), ("text", "all")):
        folder = cache_folder(tmp_path / "a", modality)
        found = provenance.load(folder)
        assert found.layers == (layers,)
        line = str(provenance.command(found, tmp_path / "b"))
        assert str(original / "corpus") in line
        assert f"--modality {modality}" in line
        call(*shlex.split(line.removeprefix("python cli.py ")))
        made = cache_folder(tmp_path / "b", modality)
        assert (made.name, images(made)) == (folder.name, images(folder))
        raw = [json.loads(provenance.path(f).read_text()) for f in (folder, made)]
        assert raw[0] == raw[1]


def test_a_table_beside_no_recordings_makes_the_same_parts(
    tmp_path, original, monkeypatch
):
    monkeypatch.chdir(original)
    (table,) = (original / "corpus").glob("*.csv")
    copied = tmp_path / "tables" / table.name
    copied.parent.mkdir()
    copied.write_bytes(table.read_bytes())
    words = ("--name", "own", "--scale", 1, 5, "--modality", "audio", *TINY[:2])
    call("extract", "manifest", table, *words, "--cache", tmp_path / "a")
    elsewhere = ("extract", "manifest", copied, "--recordings", "corpus")
    call(*elsewhere, *words, "--cache", tmp_path / "b")
    folders = [cache_folder(tmp_path / name, "audio") for name in "ab"]
    assert folders[0].name == folders[1].name
    assert images(folders[0]) == images(folders[1])
    found = provenance.load(folders[1])
    assert found.recordings == original / "corpus"
    assert f"--recordings {original / 'corpus'}" in str(found)


def test_tables_of_two_folders_with_the_same_recordings_are_two_corpora(
    tmp_path, original
):
    (table,) = (original / "corpus").glob("*.csv")
    words = ("--recordings", original / "corpus", "--scale", 1, 5, *TINY[:2])
    words = (*words, "--modality", "audio", "--cache", tmp_path / "cache")
    tables = [tmp_path / name / "labels.csv" for name in ("one", "two")]
    for place, rows in zip(tables, (3, 5), strict=True):
        place.parent.mkdir()
        lines = table.read_text().splitlines(keepends=True)
        place.write_text("".join(lines[: rows + 1]))
    done, refused, repeated = (
        call("extract", "manifest", each, *words) for each in (*tables, tables[0])
    )
    assert (done.exit_code, refused.exit_code, repeated.exit_code) == (0, 1, 0)
    assert "the name 'labels' is taken" in refused.output


def test_repair_of_a_missing_folder_finds_no_parts(tmp_path):
    assert repair(tmp_path / "nowhere").output.startswith("0 parts below")
