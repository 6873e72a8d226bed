# The rules that come with tflint; its AWS rules are a separate plugin, which `tflint --init` would download.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

config {
  call_module_type = "local"
}
