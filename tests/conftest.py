"""What all tests share: attnlib is checked as they run."""

from tests import shapes

shapes.install()
