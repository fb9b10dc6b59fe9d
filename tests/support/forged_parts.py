"""Forged parts of a cache for `test_hostile_caches`.

Each edit gets an open part with two rows, ``a`` and ``b``. It also gets a folder with
secret files, which a reader of the part must not read.
"""

import json

import h5py
import numpy as np

SECRET = b"nobody-may-see-this"
HUGE = 2**40
EMPTY = ("S32", (2,))  # dtype and shape of `contents`
FOREIGN = 32_001  # number of an HDF5 filter that needs a plug-in


def secrets(folder):
    """Write another HDF5 file and raw bytes, which both contain the secret."""
    folder.mkdir()
    content = np.array([SECRET, SECRET], "S32")
    with h5py.File(folder / "0.h5", "w") as file:
        file["contents"] = content
    (folder / "raw").write_bytes(content.tobytes())
    return folder


def link_outside(file, folder):
    del file["contents"]
    file["contents"] = h5py.ExternalLink(str(folder / "0.h5"), "/contents")


def link_inside(file, folder):
    del file["contents"]
    file["contents"] = h5py.SoftLink("/ids")


def link_that_hangs_below_one(file, folder):
    file["more"] = h5py.ExternalLink(str(folder / "0.h5"), "/")


def external_storage(file, folder):
    del file["contents"]
    place = [(str(folder / "raw"), 0, 64)]
    file.create_dataset("contents", (2,), "S32", external=place)


def virtual(file, folder):
    del file["contents"]
    layout = h5py.VirtualLayout((2,), "S32")
    layout[:] = h5py.VirtualSource(folder / "0.h5", "contents", (2,), "S32")
    file.create_virtual_dataset("contents", layout)


def virtual_of_any_number_of_files(file, folder):
    del file["contents"]
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    space = h5py.h5s.create_simple((2,), (h5py.h5s.UNLIMITED,))
    space.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (2,), (2,))
    source = h5py.h5s.create_simple((2,))
    name = str(folder / "%b.h5").encode()
    plan.set_virtual(space, name, b"contents", source)
    kind = h5py.h5t.py_create(np.dtype("S32"))
    h5py.h5d.create(file.id, b"contents", kind, space, dcpl=plan)


def _made(name="contents", **options):
    """Return an edit that replaces a dataset."""

    def edit(file, folder):
        del file[name]
        file.create_dataset(name, **options)

    return edit


def object_references(file, folder):
    del file["contents"]
    file.create_dataset("contents", data=[file.ref, file.ref], dtype=h5py.ref_dtype)


def _low(*, shape=(2,), chunk=(2,), foreign=False, raw=None, mask=0):
    """Return an edit that replaces `contents` with a chunked dataset."""

    def edit(file, folder):
        del file["contents"]
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk(chunk)
        if foreign:
            plan.set_filter(FOREIGN, h5py.h5z.FLAG_OPTIONAL, ())
        else:
            plan.set_fletcher32()
        kind = h5py.h5t.py_create(np.dtype("S32"))
        space = h5py.h5s.create_simple(shape, (h5py.h5s.UNLIMITED,))
        made = h5py.h5d.create(file.id, b"contents", kind, space, dcpl=plan)
        if raw is not None:
            made.write_direct_chunk((0,), raw, mask)

    return edit


def group(file, folder):
    file.create_group("more")


def group_for_a_dataset(file, folder):
    del file["contents"]
    file.create_group("contents")


def unknown_dataset(file, folder):
    file["more\x1b[2J"] = np.zeros(3)


def committed_type(file, folder):
    file["more"] = np.dtype("f4")


def committed_type_for_a_dataset(file, folder):
    del file["contents"]
    file["contents"] = np.dtype("f4")


def _attribute(name, value, **options):
    def edit(file, folder):
        del file.attrs[name]
        file.attrs.create(name, value, **options)

    return edit


def attribute_of_objects(file, folder):
    _attribute("versions", file.ref, dtype=h5py.ref_dtype)(file, folder)


def _json(name, text):
    return _attribute(name, np.bytes_(text.encode()))


def nested_recipe(file, folder):
    recipe = json.loads(file.attrs["recipe"])
    text = json.dumps({**recipe, "inputs": "HERE"})
    deep = '{"a":' * 400 + "1" + "}" * 400
    _json("recipe", text.replace('"HERE"', deep))(file, folder)


STRUCTURES = [
    link_outside,
    link_inside,
    link_that_hangs_below_one,
    external_storage,
    virtual,
    virtual_of_any_number_of_files,
    object_references,
    group,
    group_for_a_dataset,
    unknown_dataset,
    committed_type,
    committed_type_for_a_dataset,
    nested_recipe,
    attribute_of_objects,
]
TABLE = {
    "strings of any length": _made(data=["a", "b"], dtype=h5py.string_dtype()),
    "arrays of any length": _made(shape=(2,), dtype=h5py.vlen_dtype("f4")),
    "a compound": _made(data=np.zeros(2, [("a", "S32"), ("b", "i4")])),
    "numbers for ids": _made("ids", data=np.arange(2)),
    "a scalar": _made(data=np.bytes_(b"a")),
    "no space": _made(data=h5py.Empty("S32")),
    "a shape bomb": _made(shape=(HUGE,), dtype="S32"),
    "a shape bomb of ids": _made("ids", shape=(HUGE,), dtype="S32"),
    "a bomb of one string": _made(shape=(2,), dtype="S2000000000"),
    "a chunked bomb": _made(shape=(HUGE,), dtype="S32", chunks=(2**20,)),
    "a bomb of tiny chunks": _made(shape=(2**35,), dtype="S1", chunks=(1,)),
    "a huge chunk": _low(shape=(2,), chunk=(2**26,), raw=b"x" * 68),
    "a compressed bomb": _made(
        data=np.zeros(2**21, "S8"), chunks=(2**21,), compression="gzip"
    ),
    "lzf": _made(data=np.zeros(2, "S32"), chunks=(2,), compression="lzf"),
    "shuffled": _made(data=np.zeros(2, "S32"), chunks=(2,), shuffle=True),
    "two filters": _made(
        data=np.zeros(2, "S32"), chunks=(2,), shuffle=True, fletcher32=True
    ),
    "a foreign filter": _low(foreign=True, raw=b"x" * 64),
    "a short chunk": _low(raw=b"x" * 8),
    "a long chunk": _low(raw=b"x" * 500),
    "a chunk that passes its filter by": _low(raw=b"x" * 68, mask=1),
    "no chunk at all": _low(),
    "an attribute of any length": _attribute(
        "versions", "{}", dtype=h5py.string_dtype()
    ),
    "an attribute that is an array": _attribute("versions", np.array([b"{}", b"{}"])),
    "a huge attribute": _json("versions", "{}" + " " * 2**24),
    "JSON that is nested": _json("versions", "[" * 100_000),
    "problems that are nested": _json("problems", "[" * 900 + "]" * 900),
    "JSON of another kind": _json("versions", "7"),
    "a number of any length": _json("versions", '{"a": ' + "9" * 10_000 + "}"),
    "no parts": _attribute("parts", 0),
    "many parts": _attribute("parts", 2**62),
    "half a part": _attribute("parts", 1.5),
}
EDITS = {edit.__name__.replace("_", " "): edit for edit in STRUCTURES} | TABLE
# faults in rows, which the header does not show
ROWS = {
    "an id that clears the screen": _made("ids", data=np.array([b"a", b"\x1b[2J"])),
    "an id that is no text": _made("ids", data=np.array([b"a", b"\xff\xfe"])),
    "an id without a letter": _made("ids", data=np.array([b"a", b""])),
    "ids in two columns": _made("ids", data=np.array([[b"a", b"b"], [b"c", b"d"]])),
    "rows of another type": _made("embeddings", data=np.zeros((2, 2, 3), "f8")),
}
