"""Commands that mend or clean what runs have left: forget an object, redrive."""
