import pytest
from irregular_files import KINDS, put_irregular_file

from affuse.data.errors import DamagedFileError
from affuse.data.system.regular_files import BLOCK, SMALL, read_regular


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_file_of_any_size_is_read_completely(tmp_path, size):
    content = bytes(number % 251 for number in range(size))
    path = tmp_path / "file"
    path.write_bytes(content)
    assert read_regular(path, limit=SMALL) == content
    assert read_regular(str(path), limit=size) == content


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_file_is_not_read(tmp_path, kind):
    put_irregular_file(tmp_path / "file", kind)
    with pytest.raises(DamagedFileError, match="it is no regular file"):
        read_regular(tmp_path / "file", limit=SMALL)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    with pytest.raises(DamagedFileError, match="more than the 4 that such a file"):
        read_regular(tmp_path / "file", limit=4)
