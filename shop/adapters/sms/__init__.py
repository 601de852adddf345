"""SMS leave the house by a gateway's HTTP interface."""
