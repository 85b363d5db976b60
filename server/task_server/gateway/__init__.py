"""REST over our own gRPC port, from the google.api.http annotations, as the official grpc-gateway serves it."""
