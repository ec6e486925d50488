"""The project's version: written here only. CHANGELOG.md says what is in it; every file of numbers names it."""

VERSION = "0.2.0"
