"""JSON on the wire: what grpc-gateway 1.8.3 and its jsonpb wrote and accepted, for exactly upstream's fields."""
