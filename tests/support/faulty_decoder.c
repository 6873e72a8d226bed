/* Preloaded (LD_PRELOAD) into the shipped program: makes decoding fail in ways that no file can
 * cause.
 *
 * HANG_BYTES   decoding a JPEG file of this size never ends
 * NO_MEMORY    while this file exists, allocations of more than 1 MiB fail
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);

void jpeg_mem_src(void* decoder, const unsigned char* bytes, unsigned long size) {
  const char* hang = getenv("HANG_BYTES");
  if (hang != NULL && size == strtoul(hang, NULL, 10))
    for (;;) pause();
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
