"""What the operations of ``/api/v1alpha1`` do."""
