"""Texts and pairs of prompts: read from files, built in, or made from templates and word tables; no torch."""
