"""Fusion designs: one file for each, which defines `class Fusion(nn.Module)`."""
