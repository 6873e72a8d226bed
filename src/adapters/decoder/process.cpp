#include "adapters/decoder/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/decoder/decoder_process.hpp"
#include "support/spawn.hpp"

namespace classifier::decoder {
namespace {

constexpr std::chrono::milliseconds kStartTime{20'000};
// What the input file keeps of its memory between images; more is given back after an image.
constexpr std::size_t kKeptInput = 4 << 20;

std::unexpected<Error> cannot_start(const std::string& what) {
  return fail(ErrorCode::kExhausted,
              "a decoder process cannot be started: " + what + ": " + std::strerror(errno));
}

// Variables that the loader and sanitizers read; others, such as keys, are none of its business.
std::vector<char*> environment() {
  constexpr std::array<std::string_view, 6> kPassed{"LD_",   "ASAN_", "UBSAN_",
                                                    "TSAN_", "LSAN_", "TBB_"};
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    for (const auto prefix : kPassed) {
      if (std::string_view(*variable).starts_with(prefix)) variables.push_back(*variable);
    }
  }
  // LibRaw's parallel loops: images are decoded in parallel already.
  static std::string threads = "OMP_NUM_THREADS=1";
  variables.push_back(threads.data());
  variables.push_back(nullptr);
  return variables;
}

// Descriptors that are above those which the process is to have, so that putting them in their
// places overwrites none.
Fd above(Fd low) { return Fd(::fcntl(low.get(), F_DUPFD_CLOEXEC, kOutput + 1)); }

// A file without a name. Old kernels have none in memory; one in a folder of temporary files does
// as well.
Fd unnamed_file(const char* name) {
  Fd file(::memfd_create(name, MFD_CLOEXEC));
  if (file) return file;
  return Fd(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, S_IRUSR | S_IWUSR));
}

// Starts the program with these descriptors and nothing else. Its end of the socket is closed here,
// so that its death is seen.
Result<pid_t> spawn(const ProcessOptions& options, Fd its_socket, const Fd& input,
                    const Fd& output) {
  SpawnFiles files;
  files.open_nothing(STDIN_FILENO, O_RDONLY);
  files.open_nothing(STDOUT_FILENO, O_WRONLY);
  files.put(its_socket, kSocket);
  files.put(input, kInput);
  files.put(output, kOutput);
  files.close_from(kOutput + 1);
  std::string name = "classifier";
  std::string role(kProcessName);
  std::string memory = std::to_string(options.memory_limit);
  std::array<char*, 4> arguments{name.data(), role.data(), memory.data(), nullptr};
  const auto variables = environment();
  const SpawnAttributes attributes;
  pid_t id = -1;
  errno = posix_spawn(&id, options.program.c_str(), files.get(), attributes.get(), arguments.data(),
                      variables.data());
  if (errno != 0) return cannot_start(options.program.string());
  return id;
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(const ProcessOptions& options) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return cannot_start("no socket");
  Fd socket(ends[0]);
  Fd its_socket = above(Fd(ends[1]));
  Fd input = above(unnamed_file("image"));
  Fd output = above(unnamed_file("pixels"));
  if (!its_socket || !input || !output) return cannot_start("no file in memory or in /tmp");
  const auto spawned = spawn(options, std::move(its_socket), input, output);
  if (!spawned) return std::unexpected(spawned.error());
  const pid_t id = *spawned;
  std::unique_ptr<Process> process(
      new Process(id, std::move(socket), std::move(input), std::move(output)));
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(id), options.niceness);
  Hello hello;
  if (!process->wait_readable(kStartTime) ||
      ::recv(process->socket_.get(), &hello, sizeof hello, 0) != sizeof hello) {
    return fail(ErrorCode::kExhausted,
                "a decoder process cannot be started: it ended, or said nothing, at its start");
  }
  hello.missing_walls.back() = '\0';
  process->missing_walls_ = hello.missing_walls.data();
  return process;
}

Process::Process(pid_t id, Fd socket, Fd input, Fd output)
    : id_(id), socket_(std::move(socket)), input_(std::move(input)), output_(std::move(output)) {}

Process::~Process() {
  if (waited_for_) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
}

bool Process::wait_readable(std::chrono::milliseconds time) const {
  const auto end = std::chrono::steady_clock::now() + time;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (time.count() > 0 && left.count() <= 0) return false;
    pollfd state{socket_.get(), POLLIN, 0};
    const int ready = ::poll(&state, 1, time.count() > 0 ? static_cast<int>(left.count()) : -1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Process::Answer Process::call(const Request& request, ImageBytes bytes,
                              std::chrono::milliseconds time) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t part =
        ::pwrite(input_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return {errno == EFBIG ? Failure::kFileTooLarge : Failure::kNoMemory, {}};
    done += static_cast<std::size_t>(part);
  }
  Answer answer;
  const bool sent = ::send(socket_.get(), &request, sizeof request, MSG_NOSIGNAL) == sizeof request;
  if (sent && !wait_readable(time)) {
    answer.failure = Failure::kTimedOut;
  } else if (!sent ||
             ::recv(socket_.get(), &answer.reply, sizeof answer.reply, 0) != sizeof answer.reply) {
    answer.failure = Failure::kEnded;
  }
  answer.reply.message.back() = '\0';
  if (bytes.size() > kKeptInput && ::ftruncate(input_.get(), 0) != 0)
    answer.failure = Failure::kEnded;
  return answer;
}

bool Process::read_output(void* out, std::size_t size) const {
  for (std::size_t done = 0; done < size;) {
    const ssize_t part = ::pread(output_.get(), static_cast<char*>(out) + done, size - done,
                                 static_cast<off_t>(done));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
    done += static_cast<std::size_t>(part);
  }
  return true;
}

int Process::ending_signal() {
  int status = 0;
  if (waited_for_ || ::waitpid(id_, &status, 0) != id_) return 0;
  waited_for_ = true;
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace classifier::decoder
