"""Change a head and measure how the words change: indirect and direct effects, silencing, patching."""
