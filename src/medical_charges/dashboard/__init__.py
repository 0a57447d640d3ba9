"""The dashboard, derived from a contract: what it shows, and the page that shows it."""
