"""A web page that asks a trained model: what it answers, what it accepts, and the page itself."""
