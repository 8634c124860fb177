"""The image of a package: OCI layers written without a Docker engine, pushed to a registry by their hashes."""
