"""The look of the shop: templates, components, static files, pictures and charts. Knows nothing of goods or orders."""
