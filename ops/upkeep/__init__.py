"""Commands that mend or clean what runs have left: erasure, redrive."""
