// Finds the handler of a request.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rest/message.hpp"

namespace classifier::rest {

using Handler = std::function<Response(const Request&)>;

// Patterns are paths with `{name}` for one part and `{name+}` for one part or more:
// "/images/{key+}/thumbnail". Fill it before it is used; then it is read only, and thread-safe.
// Handlers may be called from any thread.
class Router {
 public:
  void add(std::string_view method, std::string_view pattern, Handler handler,
           bool needs_key = true);

  struct Match {
    const Handler* handler = nullptr;  // null: `error` says why
    bool needs_key = true;
    std::string pattern;  // for metrics
    Response error;
  };

  // Sets the request's parameters. HEAD is served by GET's handler. 404 for an unknown path, 405
  // with Allow for an unknown method, 400 for a path that cannot be decoded.
  Match match(Request& request) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> parts;
    Handler handler;
    bool needs_key;
  };
  std::vector<Route> routes_;
};

}  // namespace classifier::rest
