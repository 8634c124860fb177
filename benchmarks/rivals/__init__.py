"""What Aurify is measured against."""
