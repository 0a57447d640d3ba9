"""IAM as the laptop's stack evaluates it, compared with a simulator of IAM that others keep."""
