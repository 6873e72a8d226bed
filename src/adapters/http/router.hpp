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

// Called by several threads at once. An exception is logged and becomes a 500.
using Handler = std::function<Response(const Request&)>;

// Receives the body of a request while it arrives, on blocking threads, one call at a time. If it
// is destroyed without finish(), the body was incomplete, and nothing of it may remain.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Result<void> write(std::span<const std::byte> bytes) = 0;
  virtual Response finish() = 0;
};
// Called after the header, before the body is read. An error becomes the answer.
using UploadHandler = std::function<Result<std::unique_ptr<BodySink>>(const Request&)>;

enum class RunOn {
  kBlockingThread,  // may wait for files and databases
  kIoThread,        // never waits; a few microseconds at most
  kLongThread,      // may take minutes: on threads of its own, and a limited number at a time
};

struct RouteOptions {
  RunOn run = RunOn::kBlockingThread;
  std::uint64_t max_body = 1ULL << 20;  // bytes; 413 over it
  bool needs_key = true;                // if keys are configured; role_of() is the role needed
  bool limited = true;                  // counts towards the rate limit of the client's address
  bool page = false;  // HTML, scripts, styles: gets a content security policy for pages
  std::optional<Role> role = std::nullopt;  // in place of the one of the method
  const char* audited = nullptr;  // name of the action in the audit log; null: not audited
};

struct Route {
  std::string method;
  std::string pattern;
  RouteOptions options;
  Handler handler;        // one of the two
  UploadHandler uploads;  // streams the body
};

// The role that a route needs: its own, or read for GET, admin for DELETE, write for all others.
Role role_of(const Route& route);

struct RouteMatch {
  enum class Outcome { kFound, kUnknownPath, kOtherMethod, kBadPath };
  Outcome outcome = Outcome::kUnknownPath;
  const Route* route = nullptr;  // with kFound
  std::vector<std::pair<std::string, std::string>> params;
  std::string allowed;  // "GET, HEAD, OPTIONS", with kFound and kOtherMethod
};

// Patterns are paths whose parts between slashes may be `{name}`, `{name}.suffix`, or, once, the
// greedy `{name+}`, which matches one part or more. Paths are matched encoded: an encoded slash
// (%2F) does not separate parts, and becomes a slash in the value of a parameter, so that keys may
// be sent with either. Of several patterns that match, the one that was added first is used.
//
// Filled before the server starts; then const and thread-safe.
class Router {
 public:
  // Throws std::invalid_argument for a pattern that is not valid.
  void add(std::string_view method, std::string_view pattern, RouteOptions options,
           Handler handler);
  void add_upload(std::string_view method, std::string_view pattern, RouteOptions options,
                  UploadHandler handler);
  // Answers GET of paths that no pattern matches, instead of a 404.
  void set_fallback(RouteOptions options, Handler handler);

  // `path` is percent-encoded and begins with a slash. kBadPath: a parameter is not UTF-8 or has a
  // zero byte.
  RouteMatch match(std::string_view method, std::string_view path) const;

 private:
  struct Part {
    enum class Kind { kLiteral, kParam, kGreedy };
    Kind kind = Kind::kLiteral;
    std::string text;    // literal, or the parameter's name
    std::string suffix;  // after a parameter
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
