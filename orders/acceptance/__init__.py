"""Two people count what came; the sale is recognised on what they accepted."""
