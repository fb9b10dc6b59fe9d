"""Delimited tables of people: records, cells, roles of columns, text encodings."""
