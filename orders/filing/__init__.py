"""A month's filing round: each branch confirms its figure, or files nil."""
