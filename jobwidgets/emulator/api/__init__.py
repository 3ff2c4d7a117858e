"""The GraphQL and REST interfaces of the embedded service."""
