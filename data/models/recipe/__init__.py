"""The recipe of the demo models: generate a corpus, train, measure. `python -m data.models.recipe` runs it."""
