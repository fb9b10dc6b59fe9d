"""Search for recordings among files, folders and lists of paths."""

import io
import os

import pytest
from irregular_files import fail_if_slow

from affuse.data.errors import AffuseError
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.inference import recording_search
from affuse.extract.inference.predicted_segments import PredictedSegment
from affuse.extract.inference.segments import Recording


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Current folder of the search, so that names are as a user types them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*names):
    """Create files that are not opened, and their folders."""
    for name in names:
        os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
        with open(name, "wb"):
            pass


def search(*arguments, path_list=None):
    """Return what a search yields, and the sentences that it says."""
    said = []
    stream = None if path_list is None else io.BytesIO(path_list)
    found = recording_search.find(arguments, said.append, path_list=stream)
    return [*found], said


def files(*arguments, **options):
    found, said = search(*arguments, **options)
    assert said == []
    assert all(isinstance(item, Recording) for item in found)
    assert all(item.path == type(item.path)(item.file) for item in found)
    return [item.file for item in found]


def test_a_folder_is_searched_in_the_order_of_its_paths():
    put("r/b.wav", "r/a/z.MP3", "r/a/y.m4a", "r/c.webm", "r/a.amr", "r/d/e/f.opus")
    order = ["a/y.m4a", "a/z.MP3", "a.amr", "b.wav", "c.webm", "d/e/f.opus"]
    assert files("r") == files("r/") == [f"r/{name}" for name in order]


def test_names_in_the_current_folder_have_no_prefix():
    put("a.wav", "b/c.mp4")
    assert files(".") == ["a.wav", "b/c.mp4"]
    assert files("./a.wav") == ["./a.wav"]


def test_a_file_is_taken_whatever_its_name_is():
    put("speech", ".hidden.dat")
    assert files("speech", ".hidden.dat") == ["speech", ".hidden.dat"]


def test_hidden_files_and_folders_are_skipped():
    put("r/a.wav", "r/.b.wav", "r/.git/c.wav")
    assert files("r") == ["r/a.wav"]


def test_other_files_are_counted_and_the_first_is_named():
    put("r/a.wav", "r/b.txt", "r/c.csv", "s/d.wav", "s/e.pdf")
    found, said = search("r", "s")
    assert [item.file for item in found] == ["r/a.wav", "s/d.wav"]
    assert said == [
        "files without a suffix of a recording are left out "
        "(number: 3, first: 'r/b.txt')"
    ]


def test_a_file_that_is_given_twice_is_found_once(folder):
    put("r/a.wav", "r/b.wav")
    found, said = search("r/b.wav", "r", folder / "r" / "a.wav", "./r")
    assert [item.file for item in found] == ["r/b.wav", "r/a.wav"]
    assert said == [
        "paths given more than once are predicted once (number: 3, first: 'r/b.wav')"
    ]


def test_links_in_a_circle_are_followed_once():
    put("r/a.wav", "r/sub/b.wav")
    os.symlink("..", "r/sub/back")
    os.symlink("self.wav", "r/self.wav")
    found, said = search("r")
    assert [item.file for item in found] == ["r/a.wav", "r/self.wav", "r/sub/b.wav"]
    assert "(number: 1, first: 'r/sub/back')" in said[0]


def test_links_to_one_file_are_two_recordings():
    put("blob.wav")
    os.mkdir("r")
    os.symlink("../blob.wav", "r/a.wav")
    os.symlink("../blob.wav", "r/b.wav")
    assert files("r") == ["r/a.wav", "r/b.wav"]


def test_a_missing_path_has_a_reason_and_the_others_go_on():
    put("a.wav")
    found, said = search("gone.wav", "a.wav", "")
    reason = "there is no such file or folder; correct the path"
    assert found == [
        PredictedSegment("gone.wav", reason=reason),
        Recording("a.wav", found[1].path),
        PredictedSegment("", reason=reason),
    ]
    assert said == []


def test_a_folder_without_recordings_has_a_reason():
    put("r/notes.txt", "s/a.wav")
    found, _ = search("r", "s")
    assert [item.file for item in found] == ["r", "s/a.wav"]
    assert found[0].reason.startswith("the folder holds no file with a suffix")


def test_a_folder_that_cannot_be_read_has_a_reason(monkeypatch):
    put("r/a.wav", "r/shut/b.wav", "r/z.wav")
    listed = os.listdir

    def refuse(path):
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", refuse)
    found, _ = search("r")
    assert [item.file for item in found] == ["r/a.wav", "r/shut", "r/z.wav"]
    assert found[1].reason == "the folder cannot be read: Permission denied"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\0"])
def test_paths_are_read_from_standard_input(end):
    put("a b.wav", "r/c.wav", "d.wav")
    listing = end.join([b"a b.wav", b"", b"r", b"d.wav"])
    wanted = ["a b.wav", "r/c.wav", "d.wav"]
    assert files("-", path_list=listing) == wanted
    assert files("-", path_list=listing + end) == wanted


@pytest.mark.parametrize("listing", [b"", b"\n\n", b"\0"])
def test_a_list_without_paths_has_a_reason(listing):
    (found,) = search("-", path_list=listing)[0]
    assert found.file == "-"
    assert found.reason == "standard input holds no path; write one on each line"


def test_names_with_line_ends_are_read_between_zero_bytes():
    put("a\nb.wav")
    assert files("-", path_list=b"a\nb.wav\0") == ["a\nb.wav"]


@pytest.mark.skipif(os.name == "nt", reason="names are no bytes here")
def test_names_of_any_bytes_are_found():
    name = os.fsdecode(b"caf\xe9.wav")
    put(f"r/{name}")
    assert files("r") == [f"r/{name}"]
    assert files("-", path_list=b"r/caf\xe9.wav\n") == [f"r/{name}"]


def test_a_list_without_line_ends_is_refused_before_it_fills_the_memory():
    with pytest.raises(AffuseError, match="write one path on each line"):
        search("-", path_list=b"x" * 2**17)


def test_recordings_are_found_before_the_whole_list_is_there():
    put("a.wav", "b.wav")
    read, write = os.pipe()
    with open(read, "rb") as stream, open(write, "wb", buffering=0) as other:
        other.write(b"a.wav\n")
        found = recording_search.find(["-"], print, path_list=stream)
        assert next(found).file == "a.wav"
        other.write(b"b.wav\n")
        other.close()
        assert [item.file for item in found] == ["b.wav"]


def test_a_pipe_is_found_and_refused_without_waiting():
    os.mkfifo("pipe.wav")
    with fail_if_slow():
        (name,) = files("pipe.wav")
        with pytest.raises(decoding.Unusable, match="is not a regular file"):
            decoder_pool.probe(recording_search.Path(name))
