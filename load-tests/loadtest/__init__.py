"""Load tests of the service with Locust: docs/load-tests.md."""
