"""Not a page: leads a link to this page, opened first after a server's start, to the dashboard.

Until the dashboard has run once, Streamlit's old router serves the files of this folder, and knows no other pages.
"""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parent.parent / "dashboard.py"), run_name="__main__")
