# Stacks applied under an earlier name of a module keep what it made.

moved {
  from = module.security
  to   = module.iam
}
