"""The API’s documentation: pages made of its OpenAPI description."""
