/* Preloaded (LD_PRELOAD) into the shipped program: makes decoding fail in ways that no file can
 * cause.
 *
 * LD_TEST_HANG_BYTES   decoding a JPEG file of this size never ends
 * LD_TEST_CRASH_BYTES  or crashes
 * LD_TEST_GROW_BYTES   or takes memory until it gets no more
 * NO_MEMORY            while this file exists, allocations of more than 1 MiB fail
 *
 * Decoder processes are given only variables whose names begin like those.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);

static int is_size_in(const char* variable, unsigned long size) {
  const char* wanted = getenv(variable);
  return wanted != NULL && size == strtoul(wanted, NULL, 10);
}

void jpeg_mem_src(void* decoder, const unsigned char* bytes, unsigned long size) {
  if (is_size_in("LD_TEST_HANG_BYTES", size))
    for (;;) __asm__ volatile("");
  if (is_size_in("LD_TEST_CRASH_BYTES", size)) __builtin_trap();
  if (is_size_in("LD_TEST_GROW_BYTES", size)) {
    size_t block = 16 << 20;
    while (block >= 1024) {
      char* memory = __libc_malloc(block);
      if (memory == NULL)
        block /= 2;
      else
        memset(memory, 1, block);
    }
  }
  ((__typeof__(&jpeg_mem_src))dlsym(RTLD_NEXT, "jpeg_mem_src"))(decoder, bytes, size);
}

static int refused(size_t size) {
  if (size <= 1 << 20) return 0;
  const char* file = getenv("NO_MEMORY");
  if (file == NULL || access(file, F_OK) != 0) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) { return refused(size) ? NULL : __libc_malloc(size); }

void* calloc(size_t count, size_t size) {
  if (size != 0 && refused(count * size)) return NULL;
  return __libc_calloc(count, size);
}
