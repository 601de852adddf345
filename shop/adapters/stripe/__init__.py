"""Payments through Stripe: `gateway` says what we ask, `real` asks Stripe, `fake` stands in for it honestly."""
