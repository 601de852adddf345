"""A plan is submitted, published and approved by others than who made it."""
