"""What several views use: elements, payloads, colours, mounting, reports to Python, scrolling, export."""
