#include "adapters/aws/client/credential_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/fmt/fmt.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "adapters/aws/client/credential_endpoints.hpp"
#include "adapters/codec/json_text.hpp"
#include "domain/text.hpp"
#include "support/files.hpp"
#include "support/spawn.hpp"

namespace classifier::aws {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxOutput = 64 << 10;
constexpr std::size_t kMaxReason = 300;  // bytes of its error output that are told

struct Pipe {
  Fd reads{-1};
  Fd writes{-1};
};

std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// A program that runs, in a process group of its own; killed at the end unless it has ended.
class Command {
 public:
  Command() = default;
  ~Command() {
    if (id_ <= 0) return;
    ::kill(-id_, SIGKILL);
    ::waitpid(id_, nullptr, 0);
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  // 0, or the errno of why it cannot be started.
  int start(std::vector<std::string>& words, const Fd& out, const Fd& err) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    SpawnFiles files;
    files.open_nothing(STDIN_FILENO, O_RDONLY);
    files.put(out, STDOUT_FILENO);
    files.put(err, STDERR_FILENO);
    const SpawnAttributes attributes;
    const int failure = ::posix_spawnp(&id_, arguments[0], files.get(), attributes.get(),
                                       arguments.data(), ::environ);
    if (failure != 0) id_ = -1;
    return failure;
  }

  // Its exit status, or 128 and the signal that ended it.
  int wait() {
    int status = 0;
    while (::waitpid(std::exchange(id_, -1), &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t id_ = -1;
};

// Reads both pipes to their ends; false where that takes longer.
bool read_both(const Fd& out, const Fd& err, Steady::time_point end,
               std::array<std::string, 2>& texts) {
  std::array<pollfd, 2> states{{{out.get(), POLLIN, 0}, {err.get(), POLLIN, 0}}};
  std::array<char, 4'096> piece;
  while (states[0].fd >= 0 || states[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Steady::now()).count();
    if (left <= 0) return false;
    if (::poll(states.data(), states.size(), static_cast<int>(left)) < 0 && errno != EINTR)
      return false;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i].fd < 0 || states[i].revents == 0) continue;
      const ssize_t size = ::read(states[i].fd, piece.data(), piece.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) {
        states[i].fd = -1;  // poll ignores it
        continue;
      }
      const auto room = kMaxOutput - texts[i].size();
      texts[i].append(piece.data(), std::min(room, static_cast<std::size_t>(size)));
    }
  }
  return true;
}

}  // namespace

std::optional<std::vector<std::string>> split_words(std::string_view command) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < command.size() &&
                         (quote == 0 || command[i + 1] == '"' || command[i + 1] == '\\');
    if (quote == 0 && (c == ' ' || c == '\t')) {
      in_word = false;
      continue;
    }
    if (!std::exchange(in_word, true)) words.emplace_back();
    if (escapes) {
      words.back() += command[++i];
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) return std::nullopt;
  return words;
}

Result<Credentials> process_credentials(const std::string& profile, const std::string& command,
                                        std::chrono::milliseconds limit) {
  const std::string what = fmt::format("credential_process of profile \"{}\"", profile);
  const auto denied = [&](const std::string& why) {
    return fail(ErrorCode::kUnauthorized, what + " " + why);
  };
  auto words = split_words(command);
  if (!words || words->empty()) return denied("is empty, or has a quote that is not closed");
  auto out = make_pipe();
  auto err = make_pipe();
  if (!out || !err) return fail(ErrorCode::kUnavailable, what + ": too many open files");
  Command running;
  if (const int error = running.start(*words, out->writes, err->writes); error != 0)
    return denied(fmt::format("cannot be run: {}: {}", words->front(), std::strerror(error)));
  std::array<std::string, 2> texts;
  // Otherwise the ends of the pipes are never seen.
  const Pipe from_out{std::move(out->reads), Fd(-1)};
  const Pipe from_err{std::move(err->reads), Fd(-1)};
  out.reset();
  err.reset();
  if (!read_both(from_out.reads, from_err.reads, Steady::now() + limit, texts)) {
    return fail(ErrorCode::kUnavailable, fmt::format("{} did not end within {} seconds", what,
                                                     std::chrono::duration<double>(limit).count()));
  }
  if (const int status = running.wait(); status != 0) {
    return denied(fmt::format("failed with status {}: {}", status,
                              one_line(utf8_prefix(trim(texts[1]), kMaxReason))));
  }
  const auto document = parse_json(texts[0]);
  if (!document || json_field(*document, "Version") != 1)
    return denied("did not print a JSON object with \"Version\": 1");
  auto credentials = read_credentials(what, texts[0], "SessionToken");
  if (!credentials) return denied("printed no AccessKeyId or no SecretAccessKey");
  if (document->contains("Expiration") && !json_field(*document, "Expiration").is_null() &&
      !credentials->expires_at)
    return denied("printed an Expiration that is not a time such as 2026-01-31T12:00:00Z");
  return credentials;
}

}  // namespace classifier::aws
