"""Whether a dated row holds on a day is asked in one place."""

import re

from tests.rules.test_tree import MODULES, ROOT

BY_HAND = re.compile(r"valid_from <= \S+\s+AND (\w+\.)?valid_to >|valid_from <= \S+\s+AND \(?(\w+\.)?valid_to IS NULL")


def test_half_open_windows_are_one_expression() -> None:
    product = [path for path in MODULES if path.relative_to(ROOT).parts[0] in {"shop", "catalog", "orders"}]
    by_hand = [str(path.relative_to(ROOT)) for path in product if BY_HAND.search(path.read_text())]
    assert len(product) > 500
    assert by_hand == []
