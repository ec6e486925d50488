"""How tests are dealt out when several workers run them (`pytest -n`): by file, the slowest first.

Not xdist's own groups: with this pytest it does not find their marks.
"""

import os

from xdist.scheduler import LoadScopeScheduling

# What is costly to make and serves several files, or has a server of its own: one worker, begun before all others.
TOGETHER = {
    "tests/unit/study/test_ray_engine.py": "Ray",
    "tests/browser/test_study_page.py": "studies in a browser",
    "tests/browser/test_behaviour_pages.py": "behaviour in a browser",
    "tests/unit/study/test_run.py": "studies",
    "tests/unit/study/test_null.py": "null",
    "tests/unit/behaviour/test_silencing.py": "two occupations",
    "tests/unit/project/test_docs.py": "two occupations",
    "tests/unit/prompts/test_builtin.py": "two occupations",
    "tests/unit/behaviour/test_patterns.py": "patterns",
}
FIRST = list(dict.fromkeys(TOGETHER.values()))


def group_of(test: str) -> str:
    """Tests of a group go to one worker: a file, which makes its fixtures once; a browser test goes to any worker."""
    file = test.partition("::")[0]
    return TOGETHER.get(file) or (test if file.startswith("tests/browser/") else file)


def place_of(test: str) -> int:
    """Where in the queue a test stands."""
    group = group_of(test)
    return FIRST.index(group) if group in FIRST else len(FIRST)


def number(asked: str) -> int:
    """`-n auto`: two a core, since browser tests wait; `-n logical`: one.

    Not more than six, each of which may have a server and a browser.
    """
    return min(6, (2 if asked == "auto" else 1) * (os.cpu_count() or 1))


class Groups(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
