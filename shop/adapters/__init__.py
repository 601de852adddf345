"""The outside world. Only these rooms speak to strangers; they answer in our own dataclasses."""
