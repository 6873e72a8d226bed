// The status and header of an HTTP answer, as a client reads them.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace classifier {

struct ResponseHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; of repeated fields the last

  // Reads one line, with or without its line end. A further status line, such as the final one
  // after "100 Continue", replaces everything before it. Returns the name of the field in the line,
  // or an empty text.
  std::string_view read_line(std::string_view line);
};

// The value of a field, whose name is in lower case; empty where there is none.
std::string header_of(const std::map<std::string, std::string>& headers, const std::string& name);

}  // namespace classifier
