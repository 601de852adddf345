"""What starts things: the web process, the worker, the command line, migrations; front page, back office and demo."""
