"""The desk of administrators: what one person asks for and another approves; people, roles, rules."""
