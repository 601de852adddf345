"""Change orders: what an ordered purchase still becomes, asked for by one person and approved by another."""
