"""Fine-tuning: joint training of encoders, autoencoders and a fusion design.

Besides `extract.commands`, only this part of stage one imports stage two (`fuse`), for
its modules, losses and settings. The results are Hugging Face checkpoints.
"""
