"""Mail leaves the house by SMTP."""
