"""The union desk: a purchase from plan to order, approved by its content."""
