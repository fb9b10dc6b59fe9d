"""Kinds of designs that stage two trains, behind one protocol."""
