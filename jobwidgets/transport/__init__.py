"""The connection to a service: configuration, HTTP, retry policy, rate limits, GraphQL queries."""
