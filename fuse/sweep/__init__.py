"""A search over settings that looks at validation parts alone."""
