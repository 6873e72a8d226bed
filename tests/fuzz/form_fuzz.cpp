// Any text as a multipart form: the first line is the Content-Type, the rest the body.
#include "adapters/http/multipart.hpp"
#include "fuzz.hpp"

namespace {

using classifier::fuzz::demand;
using classifier::http::FormPart;

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string written(const std::vector<FormPart>& parts, const std::string& boundary) {
  std::string body;
  for (const auto& part : parts) {
    body.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=");
    body.append(quoted(part.name));
    if (part.is_file) body.append("; filename=").append(quoted(part.filename));
    if (!part.content_type.empty()) body.append("\r\nContent-Type: ").append(part.content_type);
    body.append("\r\n\r\n").append(part.content).append("\r\n");
  }
  return body.append("--").append(boundary).append("--\r\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  classifier::fuzz::Lines lines(classifier::fuzz::text_of(data, size));
  const std::string_view type = lines.next();
  const std::string_view body = lines.rest();
  const classifier::http::MultipartLimits limits{.max_parts = 8, .max_header_bytes = 512};
  const auto parts = classifier::http::parse_multipart(type, body, limits);
  if (!parts) {
    classifier::fuzz::demand_sentence(parts.error());
    return 0;
  }
  demand(parts->size() <= limits.max_parts, "the number of parts is limited");
  for (const auto& part : *parts) {
    demand(part.content.data() >= body.data() &&
               part.content.data() + part.content.size() <= body.data() + body.size(),
           "contents are inside the body");
    demand(part.filename.find_first_of("/\\") == std::string::npos, "file names have no folders");
    demand(classifier::is_utf8(part.name) && classifier::is_utf8(part.filename), "names are UTF-8");
  }
  std::string boundary = "b";
  while (body.find(boundary) != std::string_view::npos && boundary.size() < 70) boundary += 'x';
  if (boundary.size() == 70) return 0;
  const std::string again = written(*parts, boundary);
  const auto reread = classifier::http::parse_multipart("multipart/form-data; boundary=" + boundary,
                                                        again, {.max_parts = limits.max_parts});
  demand(reread && reread->size() == parts->size(), "parts survive writing and reading");
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const FormPart& a = (*parts)[i];
    const FormPart& b = (*reread)[i];
    demand(a.name == b.name && a.filename == b.filename && a.is_file == b.is_file &&
               a.content_type == b.content_type && a.content == b.content,
           "parts are unchanged after writing and reading");
  }
  return 0;
}
