"""How good images are, and the judge that looks at them."""
