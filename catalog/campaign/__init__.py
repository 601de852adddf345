"""Zones and campaigns."""
