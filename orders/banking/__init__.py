"""Bank statements: imported once, matched to what payers owe, confirmed by a second person."""
