"""The buying story: quote, place, open payment, settle, expire."""
