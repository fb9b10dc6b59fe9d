"""Audio paths of a table, names on the disk, and links."""

import unicodedata

import pytest
from manifest_tables import read, reasons, write

from affuse.data.corpora import manifest


@pytest.mark.parametrize(
    "stem",
    [
        "Recording 10.30.15\u202fAM",  # what macOS writes before AM
        "no\xa0break",
        "क्\u200dष",  # a joiner that scripts of India need
        "zero\u200bwidth",
        "soft\xadhyphen",
        "wide\u3000blank",
    ],
)
def test_file_names_with_blanks_and_joiners_are_read(tmp_path, stem):
    name = f"{stem}.wav"
    corpus = read(tmp_path, f"file,text\n{name},kept\n", audio=[name])
    assert reasons(corpus) == []
    (found,) = corpus.utterances
    assert found.audio == tmp_path / name
    assert found.id.isprintable()


def test_unprintable_characters_of_ids_are_escaped_with_a_note(tmp_path):
    corpus = read(tmp_path, "id,text\na\xa0b,one\nc\u202fd,two\ne f,three\n")
    assert [u.id for u in corpus.utterances] == ["a\\xa0b", "c\\u202fd", "e f"]
    (note,) = corpus.problems
    assert not note.fatal
    assert "as in 'a\\xa0b' (rows: 2)" in note.reason.replace("\\\\", "\\")


@pytest.mark.parametrize("mark", ["\u202e", "\u2066", "\x1b", "\u2028", "\x7f"])
@pytest.mark.parametrize("folder", ["", "/elsewhere/"])
def test_control_characters_in_audio_paths_are_refused(tmp_path, folder, mark):
    name = f"a{mark}b.wav"
    corpus = read(tmp_path, f"file,text\n{folder}{name},kept\n", audio=[name])
    (reason,) = reasons(corpus)
    assert "unprintable characters" in reason
    assert "rename the file" in reason
    assert corpus.utterances[0].audio is None


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        ("wav/Jos\u00e9.wav", unicodedata.normalize("NFD", "wav/Jos\u00e9.wav")),
        ("Jos\u00e9/a.wav", unicodedata.normalize("NFD", "Jos\u00e9/a.wav")),
        ("a b.wav", "a\xa0b.wav"),
        ("ab.wav", "a\u200db.wav"),
        ("A.WAV", "a.wav"),
    ],
)
def test_the_error_names_a_file_that_looks_the_same(tmp_path, listed, there):
    corpus = read(tmp_path, f"file,text\n{listed},kept\n", audio=[there])
    (reason,) = reasons(corpus)
    assert f"the table has {ascii(listed)}, the disk has {ascii(there)}" in reason


def test_the_error_names_none_of_two_similar_files(tmp_path):
    corpus = read(tmp_path, "file,text\na b.wav,kept\n", audio=["A B.wav", "a  b.wav"])
    assert "; correct the path, or name its folder with" in reasons(corpus)[0]


def write_hub_cache(folder, repository="datasets--ann--voices"):
    """Write a data set in the layout of the Hugging Face cache, with links to blobs."""
    write(folder / repository, "", name="x", audio=["blobs/0a1b", "secret.wav"])
    snapshot = folder / repository / "snapshots" / "c0ffee"
    (snapshot / "wav").mkdir(parents=True)
    (snapshot / "a.wav").symlink_to("../../blobs/0a1b")
    (snapshot / "wav" / "b.wav").symlink_to("../../../blobs/0a1b")
    (snapshot / "out.wav").symlink_to("../../secret.wav")
    (snapshot / "up.wav").symlink_to("../../blobs/../secret.wav")
    return snapshot


def test_links_of_a_hugging_face_cache_are_followed(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    corpus = read(snapshot, "file\na.wav\nwav/b.wav\n")
    assert reasons(corpus) == []
    assert [u.audio for u in corpus.utterances] == [
        snapshot / "a.wav",
        snapshot / "wav/b.wav",
    ]


def test_a_table_below_a_snapshot_folder_is_read(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    assert reasons(read(snapshot / "wav", "file\nb.wav\n")) == []


def test_other_links_out_of_a_snapshot_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    found = reasons(read(snapshot, "file\nout.wav\nup.wav\n"))
    assert len(found) == 2
    assert all("leads out of the folder" in reason for reason in found)


def test_blobs_that_are_a_link_themselves_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path)
    repository = tmp_path / "datasets--ann--voices"
    (repository / "blobs").rename(tmp_path / "elsewhere")
    (repository / "blobs").symlink_to(tmp_path / "elsewhere")
    (reason,) = reasons(read(snapshot, "file\na.wav\n"))
    assert "leads out of the folder" in reason


def test_links_of_the_same_layout_under_another_name_are_refused(tmp_path):
    snapshot = write_hub_cache(tmp_path, "voices")
    (reason,) = reasons(read(snapshot, "file\na.wav\n"))
    assert "leads out of the folder" in reason


def test_the_error_on_an_absolute_path_elsewhere_names_the_option(tmp_path):
    here, beside = tmp_path / "t", tmp_path / "my clips" / "a.wav"
    write(tmp_path, "", name="x", audio=["my clips/a.wav"])
    (reason,) = reasons(read(here, f"file,text\n{beside},kept\n"))
    assert " is absolute, and only files below the folder of the table are" in reason
    assert reason.endswith(f"; this one is in '{tmp_path}/my clips'")
    other = beside.parent / "other"
    other.mkdir()
    (reason,) = reasons(manifest.read(here / "table.csv", recordings=other))
    advice = f"name a folder above all recordings, such as '{beside.parent}'"
    assert reason.endswith(advice)


def test_absolute_paths_below_the_folder_are_read_as_relative_ones(tmp_path):
    link = tmp_path.parent / f"{tmp_path.name}-link"
    link.symlink_to(tmp_path)
    name = tmp_path / "wav" / "a.wav"
    corpus = read(tmp_path, f"file\n{name}\nwav/a.wav\n", audio=["wav/a.wav"])
    assert [(u.id, u.audio) for u in corpus.utterances] == [("wav-a", name)]
    (found,) = manifest.read(link).utterances  # the table names the folder's target
    assert (found.id, found.audio) == ("wav-a", link / "wav" / "a.wav")


def test_an_absolute_path_with_dots_is_refused(tmp_path):
    (reason,) = reasons(read(tmp_path, f"file,text\n{tmp_path}/../a.wav,kept\n"))
    assert "is absolute" in reason


@pytest.mark.parametrize("is_absolute", [True, False])
def test_recordings_of_another_folder_are_read_if_the_user_names_it(
    tmp_path, is_absolute
):
    clips = tmp_path / "clips"
    write(clips, "", name="x", audio=["wav/a.wav"])
    cell = clips / "wav" / "a.wav" if is_absolute else "wav/a.wav"
    table = write(tmp_path / "table", f"file\n{cell}\n")
    corpus = manifest.read(table, recordings=clips)
    assert corpus.problems == ()
    assert corpus.root == clips
    (found,) = corpus.utterances
    assert (found.id, found.audio) == ("wav-a", clips / "wav" / "a.wav")


def test_only_the_folder_that_the_user_names_is_read(tmp_path):
    write(tmp_path, "", name="x", audio=["clips/a.wav", "table/b.wav", "c.wav"])
    cells = ["b.wav", tmp_path / "c.wav", "../c.wav"]
    rows = "".join(f"{cell},kept\n" for cell in cells)
    table = write(tmp_path / "table", f"file,text\n{rows}")
    corpus = manifest.read(table, recordings=tmp_path / "clips")
    assert [u.audio for u in corpus.utterances] == [None, None, None]
    missing, absolute, dots = reasons(corpus)
    assert "'b.wav' not found below the folder of --recordings" in missing
    assert "below the folder of --recordings are read" in absolute
    assert "has '..' in it" in dots


def test_a_missing_folder_of_recordings_is_named(tmp_path):
    table = write(tmp_path, "file\na.wav\n")
    with pytest.raises(FileNotFoundError, match="--recordings .*/none is not a folder"):
        manifest.read(table, recordings=tmp_path / "none")


@pytest.mark.parametrize(("part", "times"), [("x", 300), ("x/", 3000)])
def test_one_name_that_no_disk_can_hold_leaves_the_other_rows(tmp_path, part, times):
    content = f"id,file,text\nlong,{part * times}a.wav,kept\nshort,a.wav,kept\n"
    corpus = read(tmp_path, content, audio=["a.wav"])
    (reason,) = reasons(corpus)
    assert "not found below the folder of the table (File name too long)" in reason
    assert [u.audio for u in corpus.utterances] == [None, tmp_path / "a.wav"]


@pytest.mark.parametrize("name", ["SECRET.wav", "nothing.wav"])
def test_no_folder_that_a_link_leads_to_is_listed(tmp_path, name):
    here = tmp_path / "t"
    write(tmp_path, "", name="x", audio=["out/secret.wav", "t/a.wav"])
    (here / "link").symlink_to(tmp_path / "out")
    (reason,) = reasons(read(here, f"file,text\nlink/{name},kept\n"))
    assert "leads out of the folder" in reason


def test_an_absolute_path_is_never_read_as_that_of_another_folder(tmp_path):
    audio = ["here/a.wav", "other/a.wav", "other/sub/b.wav"]
    write(tmp_path, "", name="x", audio=audio)
    (tmp_path / "here" / "link").symlink_to(tmp_path / "other" / "sub")
    table = write(tmp_path / "table", f"file,text\n{tmp_path}/here/a.wav,kept\n")
    recordings = tmp_path / "here" / "link" / ".."  # is the folder `other`
    corpus = manifest.read(table, recordings=recordings)
    assert "is absolute" in reasons(corpus)[0]
    assert corpus.utterances[0].audio is None
