"""Fine-tuning: encoders, autoencoders and a fusion design trained together.

The only part of stage one that knows stage two (`fuse`), whose modules, losses and
settings it trains with. What comes out are ordinary checkpoints for `extract`.
"""
