"""The joint order: an approved plan becomes one order with each branch's exact share."""
