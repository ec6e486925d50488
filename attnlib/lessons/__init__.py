"""The course: lessons read from Markdown, what they ask measured, handouts to print."""
