"""What the pages share: caches, the sidebar's state, and the mounting of views."""
