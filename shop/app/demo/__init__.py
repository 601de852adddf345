"""Demo data and the played day. Everything here is invented and says so (虚构)."""
