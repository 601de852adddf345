"""Who an account is, as statements ask it: SQL that is written here alone."""


def is_named(account: str, email: str = ":email") -> str:
    """SQL of whether `email`, SQL in lower case, is an account's name: an address is one only once it is verified.

    account: its alias; "" where there is only one.
    """
    dot = account and f"{account}."
    return f"(lower({dot}email) = {email} AND {dot}email_verified_at IS NOT NULL)"


def is_office(grant: str) -> str:
    """SQL of whether a grant, by its alias, is of more than buying: its holder works here for others."""
    return f"{grant}.role NOT IN ('employee', 'outside_buyer')"
