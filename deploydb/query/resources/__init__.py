"""One module for each noun: its paths, and what answers them."""
