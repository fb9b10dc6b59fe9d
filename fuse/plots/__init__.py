"""Style and files of plots, shared by predictions and by the page of a report."""
