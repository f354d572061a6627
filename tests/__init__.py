"""Each test can fail; `make test` runs them all."""
