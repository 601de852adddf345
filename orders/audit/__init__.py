"""The auditor's desk: scoped, pseudonymous, every export logged."""
