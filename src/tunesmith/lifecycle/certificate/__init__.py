"""The proof that what is shipped answers like what was judged: all that computes with models to make it."""

from tunesmith.lifecycle.certificate.certify import Certifying, certify

__all__ = ["Certifying", "certify"]
