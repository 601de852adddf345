"""Division codes with history, designations, pairings: why buying this helps."""
