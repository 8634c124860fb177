"""Kubernetes: its API, applications as driver pods, submissions, and manifests for other schedulers."""
