// The head of an answer over HTTP, as a client reads it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace classifier {

struct ResponseHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of repeated ones the last

  // Takes one line, with or without its end. The status line of a further answer, such as the final
  // one after "100 Continue", replaces what was read before it. Returns the name of the field that
  // the line held, empty where it held none.
  std::string_view read_line(std::string_view line);
};

// The value of a field, whose name is in lower case; empty where there is none.
std::string header_of(const std::map<std::string, std::string>& headers, const std::string& name);

}  // namespace classifier
