"""What other programs get: metrics for Prometheus, and lists of addresses for firewalls and mail servers."""
