"""The alignment view: prompt A above prompt B, a column per unit."""
