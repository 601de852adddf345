"""The commands behind `shop`: each a function that opens what it needs and closes it."""
