// Any text as the key file.
#include "adapters/access/key_file.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace classifier;
  std::string why_not;
  const auto keys = parse_keys(fuzz::text_of(data, size), why_not);
  if (!keys) {
    fuzz::demand_sentence({ErrorCode::kInvalidArgument, why_not});
    return 0;
  }
  for (const auto& key : *keys) {
    fuzz::demand(is_key_name(key.name), "keys have names");
    fuzz::demand(!matches(key, "guess"), "no key matches a guess");
  }
  fuzz::demand(parse_keys(write_keys(*keys), why_not) == keys, "keys survive writing and reading");
  return 0;
}
