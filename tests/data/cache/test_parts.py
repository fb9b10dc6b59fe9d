import dataclasses
import errno
import hashlib
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from locations import ROOT, SUPPORT
from small_caches import DIM, FRAMES, NOTE, RECIPE, VERSIONS, flip, part, recipe, write

from affuse.data.cache import checksums, parts
from affuse.data.errors import AffuseError
from affuse.data.system.atomic_files import publish

HEAD = recipe(head=("valence", "arousal"))
SHAPE = (2, len(RECIPE.layers), DIM)

# One process makes fifteen writers, one after the other, and kills each at some moment.
WRITERS = """
import os, random, signal, sys, time
from pathlib import Path
from small_caches import part, write
made = part(*map(str, range(2000)))
for number in range(15):
    folder = Path(sys.argv[1]) / str(number)
    child = os.fork()
    if not child:
        for n in range(100_000):
            write(folder, n, made)
    time.sleep(random.Random(number).uniform(0.005, 0.4))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def sums(path):
    return path.with_name(f"{path.name}.sha256")


def sign(path):
    """Write the checksum of a file, as if the file had been published like this."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sums(path).write_text(f"{digest}  {path.name}\n")


def forge(folder, edit):
    """Write a part with two rows, edit it, and correct its checksum."""
    path = write(folder, 0, part("a", "b"))
    with h5py.File(path, "r+") as file:
        edit(file)
    sign(path)
    return path


def put(name, **content):
    """Return an edit that replaces one dataset."""

    def edit(file):
        del file[name]
        file.create_dataset(name, **content)

    return edit


def link(name, target):
    def edit(file):
        del file[name]
        file[name] = target

    return edit


def attribute(name, value):
    def edit(file):
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value

    return edit


def virtual(file):
    del file["contents"]
    layout = h5py.VirtualLayout((2,), "S32")
    layout[:] = h5py.VirtualSource("/elsewhere.h5", "contents", shape=(2,))
    file.create_virtual_dataset("contents", layout)


def test_equal_arguments_give_equal_bytes(tmp_path):
    for of in (RECIPE, FRAMES, HEAD):
        made = [
            write(tmp_path / f, 0, part("a", "b", of=of, steps=(2, 3)), of=of)
            for f in "xy"
        ]
        assert made[0].read_bytes() == made[1].read_bytes()
        assert sums(made[0]).read_bytes() == sums(made[1]).read_bytes()


def test_a_part_is_read_as_it_was_written(tmp_path):
    made = part("a", "b", problems=[NOTE])
    arrays, problems = parts.read(write(tmp_path, 3, made), RECIPE)
    assert arrays.keys() == {"ids", "contents", "embeddings"}
    assert [i.decode() for i in arrays["ids"]] == ["a", "b"]
    assert tuple(c.decode() for c in arrays["contents"]) == made.contents
    assert arrays["embeddings"].dtype == np.float32
    np.testing.assert_array_equal(arrays["embeddings"], np.stack(made.vectors))
    assert problems == [NOTE]


def test_a_header_holds_recipe_counts_versions_and_problems(tmp_path):
    path = write(tmp_path, 0, part("a", "b", problems=[NOTE]), planned=7)
    assert parts.header(path) == parts.Header(RECIPE, 7, 2, VERSIONS, (NOTE,))


@pytest.mark.parametrize("bounds", [("v110", "v110"), ("earliest", "v110")])
def test_parts_of_other_versions_stay_readable(tmp_path, bounds):
    """HDF5 writes these files with older format bounds and with times."""
    made = part("a", "b", problems=[NOTE])
    new = write(tmp_path / "new", 0, made, planned=7)
    path = tmp_path / new.name
    with h5py.File(new) as source, h5py.File(path, "w", libver=bounds) as file:
        for name, value in source.attrs.items():
            file.attrs[name] = value
        for name, rows in source.items():
            chunks = {"chunks": rows.chunks, "fletcher32": True}
            file.create_dataset(name, data=rows[:], track_times=True, **chunks)
    sign(path)
    assert path.read_bytes() != new.read_bytes()
    assert parts.check_part(path) == parts.header(path) == parts.check_part(new)
    arrays, problems = parts.read(path, RECIPE)
    np.testing.assert_array_equal(arrays["embeddings"], np.stack(made.vectors))
    assert problems == [NOTE]


def damage(image):
    return image[:200] + bytes([image[200] ^ 1]) + image[201:]


def without_checksum(image):
    """Return an image with the wrong checksum that HDF5 below 2.0 leaves."""
    return image[:44] + bytes(4) + image[48:]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (damage, "it cannot be read: .*metadata checksum"),
        (without_checksum, "it cannot be read"),
        (lambda image: image[: len(image) // 2], "it cannot be read"),
        (lambda image: b"", "it cannot be read"),
    ],
)
def test_bytes_that_cannot_be_read_back_are_not_published(
    tmp_path, monkeypatch, spoil, reason
):
    real = parts._image
    monkeypatch.setattr(parts, "_image", lambda *meant: spoil(real(*meant)))
    with pytest.raises(AffuseError, match=reason) as refused:
        write(tmp_path, 0, part("a", "b"))
    for words in (
        f"h5py {h5py.__version__} with HDF5 {h5py.version.hdf5_version}",
        f"nothing was published under {tmp_path / 'part-00000.h5'}",
        "install another version of h5py",
    ):
        assert words in str(refused.value)
    assert not list(tmp_path.iterdir())


def change_values(name, **changes):
    """Return an edit that changes the values of one array."""

    def spoil(arrays, attributes):
        changed = arrays[name].copy()
        changed[-1] = changed[0]
        return {**arrays, name: changed}, {**attributes, **changes}

    return spoil


def attributes_with(**changes):
    return lambda arrays, attributes: (arrays, {**attributes, **changes})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (change_values("embeddings"), "its embeddings differ"),
        (change_values("ids"), "its ids differ"),
        (change_values("contents"), "its contents differ"),
        (change_values("head"), "its head differ"),
        (lambda a, b: ({**a, "offsets": np.zeros(3, int)}, b), "it holds .*'offsets'"),
        (
            lambda a, b: ({**a, "head": a["head"].astype(np.float64)}, b),
            "its head differ",
        ),
        (attributes_with(parts=2), "its parts differ"),
        (attributes_with(versions=np.bytes_(b"{}")), "its versions differ"),
        (attributes_with(problems=np.bytes_(b"[]")), "its problems differ"),
        (attributes_with(recipe=np.bytes_(RECIPE.text())), "its recipe differs"),
    ],
)
def test_bytes_that_differ_from_their_input_are_not_published(
    tmp_path, monkeypatch, spoil, reason
):
    real = parts._image
    monkeypatch.setattr(parts, "_image", lambda *meant: real(*spoil(*meant)))
    with pytest.raises(AffuseError, match=f"differs from its input .*{reason}"):
        write(tmp_path, 0, part("a", "b", of=HEAD, problems=[NOTE]), of=HEAD)
    assert not list(tmp_path.iterdir())


def test_frames_of_different_lengths_are_read_as_written(tmp_path):
    made = part("a", "b", "c", of=FRAMES, steps=(2, 0, 5))
    arrays, _ = parts.read(write(tmp_path, 0, made, of=FRAMES), FRAMES)
    assert arrays["offsets"].tolist() == [0, 2, 2, 7]
    assert arrays["values"].dtype == np.float16
    for row, vector in enumerate(made.vectors):
        begin, end = arrays["offsets"][row : row + 2]
        stored = arrays["values"][begin:end]
        np.testing.assert_array_equal(stored, vector.astype(np.float16))


def test_predictions_of_the_head_are_read_as_written(tmp_path):
    made = part("a", "b", of=HEAD)
    arrays, _ = parts.read(write(tmp_path, 0, made, of=HEAD), HEAD)
    np.testing.assert_array_equal(arrays["head"], made.head.astype(np.float32))


@pytest.mark.parametrize("of", [RECIPE, FRAMES, HEAD])
def test_a_part_without_usable_utterances_keeps_its_problems(tmp_path, of):
    path = write(tmp_path, 0, part(of=of, problems=[NOTE]), of=of)
    arrays, problems = parts.read(path, of)
    assert len(arrays["ids"]) == len(arrays["contents"]) == 0
    assert problems == [NOTE]
    assert parts.header(path).rows == 0


def test_ids_in_any_script_are_stored_as_utf8(tmp_path):
    ids = ("it's", "ä ö", "日本-1", "x" * 200)
    path = write(tmp_path, 0, part(*ids))
    arrays, _ = parts.read(path, RECIPE)
    assert tuple(i.decode() for i in arrays["ids"]) == ids
    with h5py.File(path, "r") as file:
        assert tuple(file["ids"].asstr()[:]) == ids


def test_a_thousand_problems_fit_into_a_header(tmp_path):
    # HDF5 keeps attributes above 64 KiB in another way
    many = [dataclasses.replace(NOTE, id=f"u{i}", reason="ü" * 50) for i in range(1000)]
    path = write(tmp_path, 0, part("a", problems=many))
    assert parts.read(path, RECIPE)[1] == many


def test_large_rows_are_divided_into_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "CHUNK", 64)  # bytes; a row has 24
    made = part(*map(str, range(9)))
    path = write(tmp_path, 0, made)
    with h5py.File(path, "r") as file:
        assert file["embeddings"].chunks == (2, *SHAPE[1:])
    arrays, _ = parts.read(path, RECIPE)
    np.testing.assert_array_equal(arrays["embeddings"], np.stack(made.vectors))


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_values_that_are_not_finite_in_float16_are_refused(tmp_path, value):
    made = part("a", "b", of=FRAMES, steps=(1, 1))
    made.vectors[1][0, 0, 0] = value  # float16 ends at 65504
    with pytest.raises(ValueError, match="'a' to 'b' are not all finite as float16"):
        write(tmp_path, 0, made, of=FRAMES)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("made", "of", "name"),
    [
        (part("a", of=recipe(layers=(1,))), RECIPE, "embeddings"),
        (part("a", of=FRAMES, steps=[2]), recipe(pooling="frames", layers=(1,)), "val"),
        (dataclasses.replace(part("a"), contents=("0", "1")), RECIPE, "contents"),
        (dataclasses.replace(part("a", "b"), ids=("a",)), RECIPE, "contents"),
        (part("a", of=HEAD), recipe(head=("valence",)), "head"),
    ],
)
def test_rows_that_do_not_fit_the_recipe_are_refused(tmp_path, made, of, name):
    with pytest.raises(ValueError, match=rf"^{name}\w* has shape .* recipe and 1 ids"):
        write(tmp_path, 0, made, of=of)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"layers": (9,)}, r"layers=\[1, 2\], not \[9\]"),
        ({"pooling": "mean+std"}, r"pooling='mean', not 'mean\+std'"),
        ({"inputs": {"max_tokens": 128}}, "inputs={'max_tokens': 512}, not"),
        ({"content": "other"}, "content='0123456789abcdef', not 'other'"),
    ],
)
def test_a_part_of_another_recipe_is_refused(tmp_path, changes, difference):
    path = write(tmp_path, 0, part("a"))
    with pytest.raises(ValueError, match=f"part-00000.h5 .* {difference}"):
        parts.read(path, recipe(**changes))
    assert parts.read(path, None)[0]["ids"].tolist() == [b"a"]


@pytest.mark.parametrize("place", [0.0, 0.01, 0.2, 0.5, 0.8, 1.0])
@pytest.mark.parametrize("bit", [0, 7])
def test_a_flipped_bit_is_detected(tmp_path, place, bit):
    path = write(tmp_path, 0, part("a", "b"))
    flip(path, place, bit)
    for refuse in (checksums.check, lambda p: parts.read(p, RECIPE)):
        with pytest.raises(ValueError, match=f"{path.name} is damaged: its SHA-256"):
            refuse(path)


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_truncated_part_is_detected(tmp_path, length):
    path = write(tmp_path, 0, part("a", "b"))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=f"{path.name} is damaged: its SHA-256"):
        checksums.check(path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"0" * 64 + b"  part-00000.h5"])
def test_a_damaged_checksum_file_is_reported_as_damage(tmp_path, content):
    path = write(tmp_path, 0, part("a"))
    sums(path).write_bytes(content)
    with pytest.raises(ValueError, match=f"{path.name} is damaged: its SHA-256"):
        checksums.check(path)


def test_a_missing_checksum_is_named(tmp_path):
    path = write(tmp_path, 0, part("a"))
    sums(path).unlink()
    with pytest.raises(ValueError, match=r"has no part-00000.h5.sha256 beside it"):
        checksums.check(path)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_sha256sum_reads_the_checksum(tmp_path):
    path = write(tmp_path, 0, part("a"))
    command = ["sha256sum", "--check", "--strict", sums(path).name]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert run.stdout == b"part-00000.h5: OK\n"
    flip(path)
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1


@pytest.mark.parametrize(
    ("name", "call", "kept"),
    [
        ("fsync", 1, []),  # of the checksum; the second is of its folder
        ("replace", 1, []),
        ("fsync", 3, ["part-00000.h5.sha256"]),  # of the part
        ("replace", 2, ["part-00000.h5.sha256"]),
    ],
)
def test_a_full_disk_leaves_no_part(tmp_path, monkeypatch, name, call, kept):
    real, calls = getattr(os, name), []

    def failing(*args):
        calls.append(args)
        if len(calls) == call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*args)

    monkeypatch.setattr(os, name, failing)
    made = part("a")
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path, 0, made)
    assert [path.name for path in tmp_path.iterdir()] == kept


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
def test_published_parts_of_killed_writers_are_intact(tmp_path):
    command = [sys.executable, "-c", WRITERS, str(tmp_path)]
    paths = os.pathsep.join([str(ROOT), str(SUPPORT)])
    subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=True)
    published = sorted(tmp_path.glob("*/part-?????.h5"))
    assert published
    for path in published:
        assert len(parts.read(path, RECIPE)[0]["ids"]) == 2000
    for folder in tmp_path.iterdir():
        numbers = sorted(int(p.stem[5:]) for p in folder.glob("part-?????.h5"))
        assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda file: file.__delitem__("ids"), "'ids' is missing"),
        (lambda file: file.__delitem__("embeddings"), "embeddings"),
        (put("ids", data=np.array(["a", "b"], object)), "'ids' holds object"),
        (put("ids", data=np.zeros(2, [("x", "i4")])), "'ids' holds"),
        (put("contents", data=np.array([b"x"] * 3)), "contents has shape"),
        (put("embeddings", data=np.zeros((2, 9, 3))), "embeddings has shape"),
        (put("embeddings", data=np.zeros(())), "scalar"),
        (put("ids", data=np.bytes_(b"a")), ""),
        (link("ids", h5py.SoftLink("/nowhere")), "'ids' is missing, or a link"),
        (link("ids", h5py.SoftLink("/contents")), "'ids' is missing, or a link"),
        (link("embeddings", h5py.ExternalLink("/x.h5", "/y")), "'embeddings' is"),
        (virtual, "another file"),
        (lambda file: file.create_group("more"), ""),
        (attribute("format", 2), "its format is 2, not 1"),
        (attribute("format", None), ""),
        (attribute("format", [1, 1]), ""),
        (attribute("parts", np.bytes_(b"many")), "its parts is no whole number"),
        (attribute("recipe", None), ""),
        (attribute("recipe", np.bytes_(b"{}")), "not a recipe"),
        (attribute("recipe", 5), ""),
        (attribute("recipe", h5py.Empty("S1")), ""),
        (attribute("versions", np.bytes_(b"{")), ""),
        (attribute("problems", np.bytes_(b'[{"wrong": 1}]')), "lacks file, reason"),
        (attribute("problems", np.bytes_(b"\xff")), ""),
    ],
)
def test_a_forged_part_is_refused_with_the_reason(tmp_path, edit, reason):
    path = forge(tmp_path, edit)
    with pytest.raises(ValueError, match=rf"part-00000\.h5 is damaged.*{reason}"):
        parts.read(path, RECIPE)


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    path = tmp_path / "part-00000.h5"
    for content in (b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 2000):
        publish(path, content)
        sign(path)
        with pytest.raises(ValueError, match=f"{path.name} is damaged or no part"):
            parts.read(path, None)
        with pytest.raises(ValueError, match=f"{path.name} is damaged or no part"):
            parts.header(path)


def test_damage_without_a_checksum_raises_only_known_errors(tmp_path):
    path = write(tmp_path, 0, part("a", "b"))
    content = path.read_bytes()
    refused = []
    for place in range(0, len(content), 29):
        path.write_bytes(content)
        flip(path, place / (len(content) - 1), place % 8)
        try:
            header = parts.header(path)
        except ValueError as error:
            refused.append(str(error))
        else:  # in the rows, or in bytes without meaning
            assert header == parts.Header(RECIPE, 1, 2, VERSIONS, ())
    assert len(refused) > 30
    assert all(path.name in reason for reason in refused)
