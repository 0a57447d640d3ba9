# The rules that come with tflint. Its variables' files are made by `make package`,
# so modules are checked one by one: `tflint --recursive` with these settings.
config {
  call_module_type = "none"
}

plugin "terraform" {
  enabled = true
  preset  = "all"
}
