"""Device and threads of a command of stage two."""

from affuse.data.options.shared_options import ComputeOptions
from affuse.data.system.device_names import choose


def compute(options: ComputeOptions) -> str:
    """Set the number of threads, and return the device."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(options.device, cards=cards)
