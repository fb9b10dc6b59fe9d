"""Device and threads of a command of stage two."""

from affuse.data.options.shared_options import ComputeOptions
from affuse.data.system import device_names
from affuse.data.system.device_names import choose


def compute(options: ComputeOptions) -> str:
    """Set the number of threads, and return the device."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(options.device, cards=cards)


def device_in_words(device: str) -> str:
    """Return the name of the GPU, or of the processor with the number of threads.

    Args:
        device: as `compute` returns it
    """
    import torch

    return device_names.describe(
        device,
        threads=torch.get_num_threads(),
        gpu_name=torch.cuda.get_device_name,
    )
