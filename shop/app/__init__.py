"""What starts things: the web process, the worker, the command line, migrations; front page, back office and demo."""

import gc

# What is imported stays: looking through it for garbage while it is loaded takes a quarter of a start.
gc.set_threshold(100_000, 20, 100)
