// Finds the handler of a request by its method and path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/request.hpp"
#include "adapters/http/response.hpp"
#include "domain/access.hpp"
#include "domain/error.hpp"

namespace classifier::http {

// Called from several threads at once. An exception becomes 500, and a line in the log.
using Handler = std::function<Response(const Request&)>;

// Takes a request's body as it comes, on blocking threads, one call at a time. Destroyed without
// finish() when the body stayed incomplete: then nothing of it may remain.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  virtual Response finish() = 0;
};
// Called when the header is there, before the body is asked for; an error is the answer.
using UploadHandler = std::function<Result<std::unique_ptr<BodySink>>(const Request&)>;

enum class RunOn {
  kBlockingThread,  // may wait for files and databases
  kIoThread,        // never waits; a few microseconds at most
};

struct RouteOptions {
  RunOn run = RunOn::kBlockingThread;
  std::uint64_t max_body = 1ULL << 20;  // bytes; 413 over it
  bool needs_key = true;                // where keys are configured; of the role of role_of()
  bool limited = true;                  // counts for the rate of the client's address
  bool page = false;              // HTML, its scripts and styles: gets the content security policy
  const char* audited = nullptr;  // the action's name, where calls go to the audit log
};

struct Route {
  std::string method;
  std::string pattern;
  RouteOptions options;
  Handler handler;        // one of the two
  UploadHandler uploads;  // streams the body
};

// What a key must be allowed for this route: to look (GET), to delete (DELETE), to do anything
// else.
Role role_of(const Route& route);

struct RouteMatch {
  enum class Outcome { kFound, kUnknownPath, kOtherMethod, kBadPath };
  Outcome outcome = Outcome::kUnknownPath;
  const Route* route = nullptr;  // with kFound
  std::vector<std::pair<std::string, std::string>> params;
  std::string allowed;  // "GET, HEAD, OPTIONS", with kFound and kOtherMethod
};

// Patterns are paths whose parts between slashes may be `{name}`, `{name}.suffix`, or, once, the
// greedy `{name+}`, which stands for one part or more. A path matches as it was sent: an encoded
// slash (%2F) does not part it, and is a slash in the value of a parameter, so that keys with
// slashes come either way. Of several patterns that match, the one added first is taken.
//
// Filled before the server starts; then const and thread-safe.
class Router {
 public:
  // Throws std::invalid_argument for a pattern that is not as described.
  void add(std::string_view method, std::string_view pattern, RouteOptions options,
           Handler handler);
  void add_upload(std::string_view method, std::string_view pattern, RouteOptions options,
                  UploadHandler handler);
  // Answers GET of paths that nothing else matches, instead of 404.
  void set_fallback(RouteOptions options, Handler handler);

  // `path` is percent-encoded and begins with a slash. kBadPath: a parameter is not UTF-8 or has a
  // zero byte.
  RouteMatch match(std::string_view method, std::string_view path) const;

 private:
  struct Part {
    enum class Kind { kLiteral, kParam, kGreedy };
    Kind kind = Kind::kLiteral;
    std::string text;    // literal, or the parameter's name
    std::string suffix;  // behind a parameter
  };
  struct Entry {
    Route route;
    std::vector<Part> parts;
    std::size_t greedy = 0;  // position of the greedy part; parts.size() without one
  };
  using Spans = std::vector<std::string_view>;
  static std::vector<Part> parse(std::string_view pattern);
  static bool fits(const Entry& entry, const Spans& parts);
  static bool extract(const Entry& entry, const Spans& parts, RouteMatch& match);
  void insert(Route route);

  std::vector<std::unique_ptr<Entry>> entries_;
  std::unique_ptr<Route> fallback_;
};

}  // namespace classifier::http
