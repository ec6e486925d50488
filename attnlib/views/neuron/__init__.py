"""The neuron view: one head's query, keys and values, from vectors to weights."""
