"""Payments with their tenders, the webhook inbox, and refunds that return money."""
