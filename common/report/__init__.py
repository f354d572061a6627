"""Several runs side by side, in one page."""
