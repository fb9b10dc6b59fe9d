import numpy as np
import pytest

from affuse.fuse.inputs.column_ranges import resolve_columns

NAMES = ("a0", "a1", "a2", "t0", "t1")


def found(columns, modalities=("audio", "text"), width=5, names=None):
    return {
        m: at.tolist() for m, at in resolve_columns(columns, modalities, width, names)
    }


@pytest.mark.parametrize(
    ("columns", "audio", "text"),
    [
        ({"audio": 3, "text": 2}, [0, 1, 2], [3, 4]),
        ({"text": 3, "audio": np.int64(2)}, [3, 4], [0, 1, 2]),
        # with others, sizes count on from where the modality before ends
        ({"audio": slice(1, 3), "text": 2}, [1, 2], [3, 4]),
        ({"audio": [3, 0], "text": 1}, [3, 0], [4]),
        # and slices may leave gaps
        ({"audio": slice(0, 2), "text": slice(4, None)}, [0, 1], [4]),
        ({"audio": slice(-2, None), "text": [0]}, [3, 4], [0]),
        ({"audio": range(4, -1, -2), "text": [1, -2]}, [4, 2, 0], [1, 3]),
        ({"audio": "a1", "text": ["t1", "t0"]}, [1], [4, 3]),
        ({"audio": np.array(["a0"], object), "text": ("t1",)}, [0], [4]),
        ({"audio": "a0", "text": 2}, [0], [1, 2]),
        ({"audio": 3, "video": "t0", "text": "t1"}, [0, 1, 2], [4]),
    ],
)
def test_column_ranges_are_resolved(columns, audio, text):
    assert found(columns, names=NAMES) == {"audio": audio, "text": text}


def test_a_single_modality_has_all_columns():
    assert found(None, ("text",)) == {"text": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("columns", "total"),
    [
        ({"audio": 2, "text": 1}, 3),
        ({"audio": 3, "text": 3}, 6),
        ({"audio": 2, "text": 2, "video": 2}, 6),
        ({"audio": np.int32(0), "text": 1}, 1),
    ],
)
def test_sizes_sum_to_the_width(columns, total):
    sentence = f"are sizes that sum to {total}, and X has 5 columns; give sizes that su"
    with pytest.raises(ValueError, match=sentence):
        found(columns)
    with pytest.raises(ValueError, match="are sizes that sum to 1, and X has 5"):
        found({"text": 1}, ("text",))


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"audio": slice(0, 3), "text": slice(2, 5)}, "column 2 .* audio and in text"),
        ({"audio": [0, 1, 1], "text": 2}, "column 1 .'a1'. twice, in audio; give each"),
        ({"audio": [4, -1], "text": [0]}, "column 4 .*, in audio; give each"),
        ({"audio": ["a0"], "text": [0, 1]}, "column 0 .'a0'. twice, in audio and in t"),
        ({"audio": ["a0", "a0"], "text": "t0"}, "column 0 .'a0'. twice, in audio;"),
        # nobody takes video, but what is said of it is wrong
        (
            {"audio": 3, "text": 2, "video": slice(4, 5)},
            "column 4 .* text and in video",
        ),
        ({"audio": range(5), "text": range(5)}, r"0 \('a0'\), .* and 2 more twice"),
    ],
)
def test_no_column_is_counted_twice(columns, sentence):
    with pytest.raises(ValueError, match=sentence):
        found(columns, names=NAMES)


@pytest.mark.parametrize(
    "place",
    [
        *(slice(0, 6), slice(-6, 2), slice(3, 3), slice("t0", "t1"), range(5, 9)),
        *(range(10**15), [0, 5], [-6], [], [0.0], [0, "t0"], 0.5, None, True, -1),
        *({3, 4}, {"t0", "t1"}, np.array(3), np.array([[3, 4]]), (i for i in [3])),
    ],
    ids=lambda place: type(place).__name__,
)
def test_invalid_column_ranges_are_refused(place):
    sentence = "columns of text are .*, and there are 5 columns; give a size, a slice, "
    with pytest.raises(ValueError, match=sentence):
        found({"audio": [0], "text": place}, names=NAMES)


def test_unknown_names_are_refused_with_the_nearest_name():
    sentence = (
        r"text name 't7' \(the nearest is 't\d'\), 'a_0' \(the nearest is 'a0'\), w"
    )
    with pytest.raises(ValueError, match=sentence):
        found({"audio": 3, "text": ["t0", "t7", "a_0"]}, names=NAMES)
    many = [f"x{k}" for k in range(5)]
    with pytest.raises(ValueError, match="and 2 more, which X does not have; correct"):
        found({"audio": 3, "text": many}, names=NAMES)


def test_names_need_a_frame_whose_columns_have_them_once():
    with pytest.raises(
        ValueError, match="are names, e.g. 't0', and the columns of X h"
    ):
        found({"audio": 3, "text": ["t0", "t1"]})
    with pytest.raises(ValueError, match="name 'b', and 2 columns of X have that name"):
        found({"audio": "a", "text": "b"}, width=3, names=["a", "b", "b"])


def test_missing_modalities_are_named():
    with pytest.raises(ValueError, match="takes audio, text, and columns lacks"):
        found({"audio": 5})
    with pytest.raises(ValueError, match="columns={'audio': SIZE, 'text': SIZE}"):
        found(None)
