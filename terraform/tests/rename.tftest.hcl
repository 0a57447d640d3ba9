# A stack applied before a module was renamed keeps what the module made.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "aws" {
  alias  = "identity"
  source = "./tests/mocks"
}

variables {
  artefacts_index = "tests/fixtures/index.json"
  catalog_file    = "tests/fixtures/catalog.json"
  rulesets_file   = "tests/fixtures/rulesets.json"
}

run "before" {
  command   = apply
  state_key = "renamed"

  module {
    source = "./tests/before_rename"
  }

  override_resource {
    target = module.security.aws_iam_role.this
    values = { arn = "arn:aws:iam::123456789012:role/made-before" }
  }
}

run "after" {
  command   = apply
  state_key = "renamed"

  assert {
    condition     = length(module.iam.role_arns) == 12 && alltrue([for arn in values(module.iam.role_arns) : endswith(arn, ":role/made-before")])
    error_message = "The roles made before the module was renamed are kept: ${jsonencode(module.iam.role_arns)}"
  }
}
