"""Why a line of an order counts or does not: its facts, rule, papers and entries, for whoever asks with a right to."""
