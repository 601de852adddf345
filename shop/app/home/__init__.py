"""The front page, what is one's own, health and gauges."""
