"""Price lists, seller discounts, freight tables; and the pure sums over them."""
