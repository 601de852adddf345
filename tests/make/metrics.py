"""What Prometheus reads of `/metrics`."""

import re
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Metrics:
    """samples: name, labels, value."""

    samples: list[tuple[str, dict[str, str], float]]

    def of(self, name: str, **labels: str) -> float:
        """The one sample of that name with these labels among its own."""
        (value,) = [value for is_, has, value in self.samples if is_ == name and labels.items() <= has.items()]
        return value

    def has(self, name: str, matchers: str) -> bool:
        """Whether a selector of PromQL, as `what="held",status=~"5.."`, could ever find something: the labels are
        there, and of `=` and `=~` the values too. A status is there once it was answered.
        """
        asked = re.findall(r'(\w+)(=~|=|!=|!~)"([^"]*)"', matchers)
        alternatives = [(label, one) for label, how, said in asked if how in {"=", "=~"} for one in said.split("|")]
        of_name = [has for is_, has, _ in self.samples if is_ == name]
        return bool(of_name) and all(
            any(label in has and (label == "status" or has[label] == one) for has in of_name)
            for label, one in alternatives
        )


def metrics(text: str) -> Metrics:
    families = text_string_to_metric_families(text)
    return Metrics([(one.name, dict(one.labels), one.value) for family in families for one in family.samples])
