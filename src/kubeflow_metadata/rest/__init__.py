"""The REST backend: ``/api/v1alpha1`` over the gRPC metadata store."""
