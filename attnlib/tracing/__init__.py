"""One text's attention, checked: traces, every head made small, one head's vectors."""
