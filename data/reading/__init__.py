"""Reading of a corpus by the name of its reader, its checks, and its export as CSV."""
