"""An honest stand-in for Stripe: keeps state, checks requests with Stripe's own types, refuses what Stripe refuses.

`sandbox.sandbox_gateway` wires it to the real client. It serves development and tests; production refuses it.
"""
