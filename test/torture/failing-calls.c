// Fails one call of the file system, for a process that loads it by LD_PRELOAD: the FAIL_AT-th of those that change or sync files below
// FAIL_IN, with the error FAIL_WITH, or where that is 0 by a delay of FAIL_FOR milliseconds. How many there were is written to FAIL_COUNT.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count = 0;

static int inside (const char *path) {
  const char *where = getenv("FAIL_IN");
  return where != NULL && path != NULL && strncmp(path, where, strlen(where)) == 0;
}

static int fd_inside (int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  // LevelDB's own notes are of no matter.
  const char *name = strrchr(path, '/');
  return inside(path) && (name == NULL || strncmp(name, "/LOG", 4) != 0);
}

// Whether this call fails; errno says how.
static int fails (int matters) {
  if (!matters) return 0;
  const char *at = getenv("FAIL_AT"), *with = getenv("FAIL_WITH"), *delay = getenv("FAIL_FOR"), *counted = getenv("FAIL_COUNT");
  pthread_mutex_lock(&lock);
  long number = ++count;
  pthread_mutex_unlock(&lock);
  if (counted != NULL) {
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int (*real_close)(int) = dlsym(RTLD_NEXT, "close");
    ssize_t (*real_write)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    int fd = real_open(counted, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
      real_write(fd, ".", 1);
      real_close(fd);
    }
  }
  if (at == NULL || number != atol(at)) return 0;
  int code = with == NULL ? 0 : atoi(with);
  if (code == 0) {
    usleep((delay == NULL ? 0 : atol(delay)) * 1000);
    return 0;
  }
  errno = code;
  return 1;
}

#define REAL(name) static __typeof__(name) *real; if (real == NULL) real = (__typeof__(name) *) dlsym(RTLD_NEXT, #name)

int fsync (int fd) { REAL(fsync); return fails(fd_inside(fd)) ? -1 : real(fd); }
// The bytes are written, and may be there afterwards: as where a disk fails to sync.
int fdatasync (int fd) { REAL(fdatasync); return fails(fd_inside(fd)) ? -1 : real(fd); }
ssize_t write (int fd, const void *bytes, size_t size) { REAL(write); return fails(fd > 2 && fd_inside(fd)) ? -1 : real(fd, bytes, size); }
ssize_t pwrite64 (int fd, const void *bytes, size_t size, off64_t at) { REAL(pwrite64); return fails(fd_inside(fd)) ? -1 : real(fd, bytes, size, at); }
ssize_t pwrite (int fd, const void *bytes, size_t size, off_t at) { REAL(pwrite); return fails(fd_inside(fd)) ? -1 : real(fd, bytes, size, at); }
int ftruncate64 (int fd, off64_t size) { REAL(ftruncate64); return fails(fd_inside(fd)) ? -1 : real(fd, size); }
int ftruncate (int fd, off_t size) { REAL(ftruncate); return fails(fd_inside(fd)) ? -1 : real(fd, size); }
int rename (const char *from, const char *to) { REAL(rename); return fails(inside(to) && strstr(to, "/LOG") == NULL) ? -1 : real(from, to); }
int unlink (const char *path) { REAL(unlink); return fails(inside(path)) ? -1 : real(path); }
#undef fwrite_unlocked
size_t fwrite_unlocked (const void *bytes, size_t size, size_t many, FILE *file) {
  REAL(fwrite_unlocked);
  return fails(fd_inside(fileno(file))) ? 0 : real(bytes, size, many, file);
}
int fflush_unlocked (FILE *file) { REAL(fflush_unlocked); return fails(file != NULL && fd_inside(fileno(file))) ? EOF : real(file); }
FILE *fopen (const char *path, const char *mode) { REAL(fopen); return fails(inside(path) && strstr(path, "/LOG") == NULL) ? NULL : real(path, mode); }
FILE *fopen64 (const char *path, const char *mode) { REAL(fopen64); return fails(inside(path) && strstr(path, "/LOG") == NULL) ? NULL : real(path, mode); }
int open (const char *path, int flags, ...) {
  REAL(open);
  va_list more;
  va_start(more, flags);
  mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return fails(inside(path)) ? -1 : real(path, flags, mode);
}
int open64 (const char *path, int flags, ...) {
  REAL(open64);
  va_list more;
  va_start(more, flags);
  mode_t mode = va_arg(more, mode_t);
  va_end(more);
  return fails(inside(path)) ? -1 : real(path, flags, mode);
}
