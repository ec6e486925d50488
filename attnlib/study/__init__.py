"""Many pairs: measured in parts on disk, resumable; units, tests, results and the report."""
