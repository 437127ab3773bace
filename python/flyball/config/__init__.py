"""Configuration: where untrusted text becomes typed values, once, at the edge."""
