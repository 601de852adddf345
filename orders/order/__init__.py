"""What was agreed: order, deliveries, lines, shares of payers, components of origins."""
