"""The page "play" of the tutorial: GANs in the browser, in TypeScript, and what builds it."""
