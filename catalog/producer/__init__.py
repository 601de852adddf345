"""Who grew it and who sells it: producers, suppliers, their papers."""
