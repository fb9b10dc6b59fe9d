"""Report tables from the predictions of runs: rows, comparisons, footnotes, layout."""
