"""The GraphQL door: shows rows and values, decides nothing."""
