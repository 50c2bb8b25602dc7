"""``ml_metadata.MetadataStoreService`` for browsers: grpc-web in, gRPC out, without looking into the messages."""
