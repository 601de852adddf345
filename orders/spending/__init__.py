"""The dated rules of union money, and every decision made by them, kept so that it replays."""
