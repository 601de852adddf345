"""A kitchen's repeat lists, weighed goods and deliver-then-pay."""
