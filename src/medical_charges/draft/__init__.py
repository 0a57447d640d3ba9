"""A draft of a contract for files that nobody has described yet.

    draft = draft_contract({"my.csv": Path("my.csv")}, "my", measure=None)
    draft.text  # YAML that runs, with its doubtful choices marked

`sample` reads some rows, `profile` describes each column, `choose` decides what the contract says,
`text` writes it.
"""

from medical_charges.draft.text import Draft, draft_contract, is_unchanged

__all__ = ["Draft", "draft_contract", "is_unchanged"]
