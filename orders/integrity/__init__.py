"""Flags that a person should look at; they never stop a buyer."""
