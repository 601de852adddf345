"""Suppliers' invoices: requested, kept as they came, checked; the shop numbers none itself."""
