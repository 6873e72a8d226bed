#include "adapters/decoder/walls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "adapters/decoder/protocol.hpp"

namespace classifier::decoder {
namespace {

// Sanitizers open files and start threads of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

void limit(__rlimit_resource resource, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(resource, &both);
}

// Bytes of data that the process has: private memory that can be written to.
std::uint64_t data_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t data = 0;
  for (int field = 0; field < 6 && in >> pages; ++field) data = pages;
  return data * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// What decoding needs, and how the process speaks to its owner.
constexpr std::array kAllowed{
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(sendto),
    SCMP_SYS(sendmsg), SCMP_SYS(fallocate), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
    SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
    SCMP_SYS(sched_yield), SCMP_SYS(rt_sigprocmask), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(tgkill), SCMP_SYS(restart_syscall), SCMP_SYS(sched_getaffinity), SCMP_SYS(alarm),
    SCMP_SYS(setitimer), SCMP_SYS(getrusage),
    // Of threads that begin: see add_rules().
    SCMP_SYS(set_robust_list), SCMP_SYS(rseq)};

// What libraries ask for and can do without.
constexpr std::array kRefused{SCMP_SYS(open),        SCMP_SYS(openat),   SCMP_SYS(access),
                              SCMP_SYS(newfstatat),  SCMP_SYS(stat),     SCMP_SYS(prlimit64),
                              SCMP_SYS(sysinfo),     SCMP_SYS(readlink), SCMP_SYS(getcwd),
                              SCMP_SYS(rt_sigaction)};

bool add_rules(scmp_filter_ctx filter) {
  for (const int call : kAllowed) {
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) != 0) return false;
  }
  for (const int call : kRefused) {
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), call, 0) != 0) return false;
  }
  // The decoders of HEVC and AV1 work in threads, which share all that is forbidden here. The flags
  // of clone3() cannot be seen by a filter; without it, libraries use clone().
  constexpr scmp_datum_t kThread = CLONE_VM | CLONE_THREAD;
  if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                       SCMP_A0(SCMP_CMP_MASKED_EQ, kThread, kThread)) != 0 ||
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0)
    return false;
  // Their names.
  if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                       SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME)) != 0)
    return false;
  // Memory, but none that can be run.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) != 0)
      return false;
  }
  return true;
}

// Some write to standard error what they think of an image; the log of the service has one line for
// it.
void silence_libraries() {
  const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nothing < 0) return;
  ::dup2(nothing, STDERR_FILENO);
  ::close(nothing);
}

std::string filter_system_calls() {
  const std::unique_ptr<void, decltype(&seccomp_release)> filter(
      seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
  if (!filter || !add_rules(filter.get())) return "the filter of system calls could not be built";
  if (const int code = seccomp_load(filter.get()); code != 0)
    return std::string("the kernel refuses a filter of system calls: ") + std::strerror(-code);
  return {};
}

}  // namespace

std::string raise_walls(std::uint64_t memory_limit) {
  ::prctl(PR_SET_DUMPABLE, 0);
  limit(RLIMIT_CORE, 0);
  if (!kSanitized) silence_libraries();
  limit(RLIMIT_FSIZE, kMaxOutput);
  if (kSanitized) return "sanitizers need system calls that a filter would refuse";
  limit(RLIMIT_DATA, data_bytes() + memory_limit);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::string("the kernel does not give up privileges: ") + std::strerror(errno);
  return filter_system_calls();
}

}  // namespace classifier::decoder
