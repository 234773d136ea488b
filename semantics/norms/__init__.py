"""The norm language: vocabulary, expressions, norms."""
