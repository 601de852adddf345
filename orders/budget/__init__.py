"""A union's fiscal-year budget: versions, adjustments, carry-over, encumbrances."""
