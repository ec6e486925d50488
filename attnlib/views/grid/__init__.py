"""The grid view: layers x heads of coloured cells, one grid or several on one scale."""
