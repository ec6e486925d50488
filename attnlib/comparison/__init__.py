"""B − A of two prompts: tokens aligned, two passes side by side, distances, controls, the finding in words."""
