"""What other programs get: metrics for Prometheus."""
