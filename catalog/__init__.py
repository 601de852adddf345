"""What is sold, from where, at what price, how many."""
