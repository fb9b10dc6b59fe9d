"""Reading a corpus by the name of its reader, checking it, and writing it as CSV."""
