"""From features to maps, and questions about maps."""
