"""Advisory locks: one number each, all in this list, so that no two things ever wait for each other by mistake."""

from enum import IntEnum


class Lock(IntEnum):
    """What only one may do at a time, in a database."""

    MIGRATE = 8_320_001
    SEAL = 8_320_014
    TICK = 8_320_019
    BALANCE = 8_320_020
    FLAGS = 8_320_021
    INTAKE = 8_320_026
    BANK_STATEMENTS = 8_320_027
    CREDIT_MONTHS = 8_320_028
    PEOPLE = 8_320_036
