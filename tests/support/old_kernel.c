/* Runs a program as on a kernel, or in a container, that has neither files in memory nor filters of
 * system calls: old_kernel PROGRAM ARGUMENTS…
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

int main(int argc, char** argv) {
  struct sock_filter rules[] = {
      LOAD(nr),       SKIP_UNLESS(__NR_memfd_create, 1),
      REFUSE(ENOSYS), SKIP_UNLESS(__NR_seccomp, 1),
      REFUSE(ENOSYS), SKIP_UNLESS(__NR_prctl, 3),
      LOAD(args[0]),  SKIP_UNLESS(PR_SET_SECCOMP, 1),
      REFUSE(EINVAL), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("old_kernel");
    return 125;
  }
  execv(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}
