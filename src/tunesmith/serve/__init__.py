"""From a bundle to a server with OpenAI's API."""
