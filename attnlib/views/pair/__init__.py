"""What views of a prompt pair share: rows of units, A | B | B − A, the signed difference."""
