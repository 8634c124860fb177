"""The version of Aurify, which the wheel is called by."""

__version__ = "0.1.0"
