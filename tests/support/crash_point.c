/* Preloaded (LD_PRELOAD) into the shipped program: counts its steps on files below CRASH_DIR whose
 * effects a restart would see, and can kill the program at any of them.
 *
 * CRASH_DIR   the folder; files below its "cache" do not count
 * CRASH_AT    kill at this step, counted from 1; 0 or unset: never
 * CRASH_HALF  if set, a write at this step writes half of its bytes first, so that it is torn
 * CRASH_LOG   a file that gets a line "<what> <path>" for each step after it, and for each HTTP
 *             answer before it is sent
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long steps;

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

static void die(void) {
  raise(SIGKILL);
  for (;;) pause();
}

static void note(const char* what, const char* path) {
  const char* file = setting("CRASH_LOG");
  if (file == NULL) return;
  char line[PATH_MAX + 64];
  int size = snprintf(line, sizeof line, "%s %s\n", what, path);
  int fd = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (REAL(write)(fd, line, (size_t)size) != size) abort();
  REAL(close)(fd);
}

/* Whether a step on this path counts. */
static int watched(const char* path) {
  const char* folder = setting("CRASH_DIR");
  if (folder == NULL) return 0;
  size_t size = strlen(folder);
  if (strncmp(path, folder, size) != 0) return 0;
  return strncmp(path + size, "/cache", 6) != 0 && strstr(path, "-shm") == NULL;
}

static int path_of(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, PATH_MAX - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  return path[0] == '/' && watched(path);
}

/* Whether to kill the program at this step. */
static int fatal(void) {
  const char* at = setting("CRASH_AT");
  pthread_mutex_lock(&mutex);
  const long step = ++steps;
  pthread_mutex_unlock(&mutex);
  return at != NULL && step == atol(at);
}

#define STEP(what, path, call)     \
  do {                             \
    if (fatal()) die();            \
    __typeof__(call) done_ = call; \
    note(what, path);              \
    return done_;                  \
  } while (0)

int fsync(int fd) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return REAL(fsync)(fd);
  STEP("fsync", path, REAL(fsync)(fd));
}

int fdatasync(int fd) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return REAL(fdatasync)(fd);
  STEP("fsync", path, REAL(fdatasync)(fd));
}

int rename(const char* from, const char* to) {
  if (!watched(to)) return REAL(rename)(from, to);
  STEP("rename", to, REAL(rename)(from, to));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (!watched(to)) return REAL(renameat2)(from_folder, from, to_folder, to, flags);
  STEP("rename", to, REAL(renameat2)(from_folder, from, to_folder, to, flags));
}

int link(const char* from, const char* to) {
  if (!watched(to)) return REAL(link)(from, to);
  STEP("link", to, REAL(link)(from, to));
}

int unlink(const char* path) {
  if (!watched(path)) return REAL(unlink)(path);
  STEP("unlink", path, REAL(unlink)(path));
}

/* std::filesystem uses it to remove files. */
int remove(const char* path) {
  if (!watched(path)) return REAL(remove)(path);
  STEP("unlink", path, REAL(remove)(path));
}

int mkdir(const char* path, mode_t mode) {
  if (!watched(path)) return REAL(mkdir)(path, mode);
  STEP("mkdir", path, REAL(mkdir)(path, mode));
}

int ftruncate64(int fd, off64_t size) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return REAL(ftruncate64)(fd, size);
  STEP("truncate", path, REAL(ftruncate64)(fd, size));
}

ssize_t pwrite64(int fd, const void* bytes, size_t size, off64_t at) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return REAL(pwrite64)(fd, bytes, size, at);
  if (fatal()) {
    if (setting("CRASH_HALF")) REAL(pwrite64)(fd, bytes, size / 2, at);
    die();
  }
  ssize_t done = REAL(pwrite64)(fd, bytes, size, at);
  note("write", path);
  return done;
}

ssize_t write(int fd, const void* bytes, size_t size) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) return REAL(write)(fd, bytes, size);
  if (fatal()) {
    if (setting("CRASH_HALF") && REAL(write)(fd, bytes, size / 2) < 0) abort();
    die();
  }
  ssize_t done = REAL(write)(fd, bytes, size);
  note("write", path);
  return done;
}

/* The server sends its answers with sendmsg. */
ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
  if (message->msg_iovlen > 0 && message->msg_iov[0].iov_len >= 12 &&
      strncmp(message->msg_iov[0].iov_base, "HTTP/1.1 ", 9) == 0) {
    char status[4] = {0};
    memcpy(status, (const char*)message->msg_iov[0].iov_base + 9, 3);
    note("answer", status);
  }
  return REAL(sendmsg)(fd, message, flags);
}
