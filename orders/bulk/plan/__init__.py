"""The plan: packages, members, payers, quotes, cases, and what they come to."""
