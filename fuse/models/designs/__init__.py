"""Fusion designs, one file each; each offers `class Fusion(nn.Module)`."""
