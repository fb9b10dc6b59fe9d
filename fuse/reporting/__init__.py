"""From scored runs to tables: rows, comparisons, footnotes, layout."""
