"""Files by sha256, and what they prove."""
