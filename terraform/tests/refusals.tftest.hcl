# What the variables refuse, before anything is planned.

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

run "ssh_from_everywhere" {
  command = plan

  variables {
    ssh_allowed_cidrs = ["10.0.0.0/8", "0.0.0.0/0"]
  }

  expect_failures = [var.ssh_allowed_cidrs]
}

run "ssh_by_ipv6_into_a_vpc_without_it" {
  command = plan

  variables {
    ssh_allowed_cidrs = ["2001:db8::/48"]
  }

  expect_failures = [var.ssh_allowed_cidrs]
}

run "ssh_from_everywhere_in_two_halves" {
  command = plan

  variables {
    ssh_allowed_cidrs = ["0.0.0.0/1", "128.0.0.0/1"]
  }

  expect_failures = [var.ssh_allowed_cidrs]
}

run "ssh_from_no_network" {
  command = plan

  variables {
    ssh_allowed_cidrs = ["office"]
  }

  expect_failures = [var.ssh_allowed_cidrs]
}

run "unknown_mode" {
  command = plan

  variables {
    emr_cluster = "everlasting"
  }

  expect_failures = [var.emr_cluster]
}

run "vcpus_of_half_a_worker" {
  command = plan

  variables {
    emr_serverless_vcpus = 18
  }

  expect_failures = [var.emr_serverless_vcpus]
}

run "old_release" {
  command = plan

  variables {
    emr_release = "emr-6.15.0"
  }

  expect_failures = [var.emr_release]
}

run "scaling_upside_down" {
  command = plan

  variables {
    emr_core_instances = { minimum = 4, maximum = 2 }
  }

  expect_failures = [var.emr_core_instances]
}

run "bucket_name_in_capitals" {
  command = plan

  variables {
    bucket_name = "MedicalCharges"
  }

  expect_failures = [var.bucket_name]
}

run "budget_that_tells_nobody" {
  command = plan

  variables {
    monthly_budget_usd = 50
  }

  expect_failures = [var.monthly_budget_usd]
}

run "nothing_built" {
  command = plan

  variables {
    artefacts_index = "tests/fixtures/no-such-index.json"
  }

  expect_failures = [var.artefacts_index]
}

run "region_without_dashboards" {
  command = plan

  variables {
    quicksight_user = "alice"
  }

  override_data {
    target = data.aws_region.current
    values = { name = "us-west-1" }
  }

  expect_failures = [output.quicksight_state]
}

run "members_of_no_group" {
  command = plan

  variables {
    quicksight_user    = "alice"
    quicksight_members = ["bob"]
  }

  expect_failures = [var.quicksight_members]
}

run "name_too_long_for_a_role" {
  command = plan

  variables {
    project = "medical-charges-of-the-archives"
  }

  expect_failures = [var.project]
}

run "readers_without_an_owner" {
  command = plan

  variables {
    quicksight_readers = "nurses"
  }

  expect_failures = [var.quicksight_readers]
}
