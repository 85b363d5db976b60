"""gRPC: each call is checked, handed to a use case, and its answer converted. The one room that knows grpc's server."""
