"""The HTTP side of the embedded service: application, authentication, fault injection, server."""
