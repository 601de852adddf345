"""Goods are sent, arrive, and are counted by two people."""
