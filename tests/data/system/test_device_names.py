import pytest

from affuse.data.system.device_names import choose, describe, processor


@pytest.mark.parametrize("wanted", ["tpu", "", "cuda:", "cuda:x", "CPU"])
def test_an_invalid_device_name_is_refused(wanted):
    with pytest.raises(ValueError, match="choose auto, cpu, cuda or cuda:1"):
        choose(wanted, cards=8)


@pytest.mark.parametrize(("wanted", "cards"), [("cuda", 0), ("cuda:1", 1)])
def test_a_missing_cuda_device_is_refused(wanted, cards):
    with pytest.raises(ValueError, match=f"there are {cards} CUDA devices here"):
        choose(wanted, cards=cards)


@pytest.mark.parametrize(("threads", "words"), [(1, "1 thread"), (8, "8 threads")])
def test_a_processor_is_named_with_its_threads(threads, words):
    name = describe("cpu", threads=threads, gpu_name=str)
    assert name == f"{processor()}, {words}"
    assert processor()
