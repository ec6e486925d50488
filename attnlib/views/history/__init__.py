"""What makes one entry of the browser's history for each change that a person makes."""
