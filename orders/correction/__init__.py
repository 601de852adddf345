"""Mistakes put right by request, second person, reversal and re-post."""
