import gc

import pytest

from affuse.data.system.garbage_collection import paused_collection


def test_collection_is_paused_and_goes_on_afterwards():
    assert gc.isenabled()
    with paused_collection():
        assert not gc.isenabled()
        with paused_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()  # the outer context decides
    assert gc.isenabled()


def test_collection_goes_on_after_an_error():
    with pytest.raises(ValueError, match="no table"), paused_collection():
        raise ValueError("no table")
    assert gc.isenabled()
