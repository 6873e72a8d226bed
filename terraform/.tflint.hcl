# The rules that come with tflint; its AWS rules are a plugin of their own, which `tflint --init` would fetch.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

config {
  call_module_type = "local"
}
