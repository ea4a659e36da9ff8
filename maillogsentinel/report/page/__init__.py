"""The report as one HTML document, for mail programs and browsers: no script, no picture, nothing loaded."""
