"""Delimited tables from users: text encodings, records, roles of columns, cells."""
