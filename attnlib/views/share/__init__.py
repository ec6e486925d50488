"""The buttons that copy a page's link and ask for its evidence pack."""
