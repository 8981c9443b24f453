/* Loaded before libc (LD_PRELOAD) into a program under test: writes down, in order, what the program does to the files
   below CRASH_ROOT, so that tests can say what a power cut at any moment leaves of them (power_cut.py). On demand it
   ends the program in front of, or in the middle of, any of these calls, or lets the disk be full, read-only or broken.

   A record: kind, number of the file, two numbers, two lengths, a path, data. Kinds: C create, W write, T truncate,
   S sync of a file, D sync of a folder, R rename, U unlink, L link, M folder made.

   The shared memory of SQLite (-shm) is not recorded: it does not outlive the processes. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {             /* power_cut.py knows this layout */
    int64_t space;           /* bytes that the disk still has; -1: no limit */
    int64_t calls;           /* recorded calls so far */
    int64_t die_at;          /* the call at which the program ends; -1: never */
    int64_t die_half;        /* 1: in the middle of a write, after half of its bytes */
    int64_t write_error;     /* errno of every write, creation and truncation; 0: none */
    int64_t sync_error;      /* errno of every sync; 0: none */
};

struct record {
    int64_t kind, file, first, second, path_length, data_length;
};

enum { FILES = 4096 };

static struct control *control;
static const char *root;
static size_t root_length;
static int log_fd = -1;
static unsigned char kind_of[FILES]; /* 0 not ours, 1 file, 2 folder */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void begin(void) {
    root = getenv("CRASH_ROOT");
    const char *log = getenv("CRASH_LOG"), *shared = getenv("CRASH_CONTROL");
    if (!root || !log || !shared) return;
    root_length = strlen(root);
    log_fd = REAL(open)(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    int fd = REAL(open)(shared, O_RDWR | O_CLOEXEC);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (log_fd < 0 || control == MAP_FAILED) abort();
    REAL(close)(fd);
}

static int ours(const char *path) {
    if (log_fd < 0 || strncmp(path, root, root_length)) return 0;
    size_t length = strlen(path);
    return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static void put(int kind, int64_t file, int64_t first, int64_t second, const char *path, const void *data, size_t size) {
    struct record record = {kind, file, first, second, path ? (int64_t)strlen(path) : 0, (int64_t)size};
    struct iovec parts[3] = {{&record, sizeof record}, {(void *)path, record.path_length}, {(void *)data, size}};
    if (REAL(writev)(log_fd, parts, 3) != (ssize_t)(sizeof record + record.path_length + size)) abort();
}

/* Count a call; true when the program is to end inside of it. In front of it, it ends here. */
static int due(int can_be_halved) {
    if (control->calls++ != control->die_at) return 0;
    if (can_be_halved && control->die_half) return 1;
    raise(SIGKILL);
    return 0;
}

static int refused(int64_t code) {
    if (code) errno = (int)code;
    return code != 0;
}

static int64_t inode(int fd) {
    struct stat facts;
    return fstat(fd, &facts) ? -1 : (int64_t)facts.st_ino;
}

static int opened(int fd, int is_new) {
    char name[64], path[4096];
    if (fd < 0 || fd >= FILES || log_fd < 0) return fd;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    kind_of[fd] = 0;
    if (!ours(path)) return fd;
    struct stat facts;
    fstat(fd, &facts);
    kind_of[fd] = S_ISDIR(facts.st_mode) ? 2 : 1;
    if (is_new) put('C', facts.st_ino, 0, 0, path, NULL, 0);
    return fd;
}

static int open_any(int folder, const char *path, int flags, mode_t mode) {
    struct stat facts;
    int makes = (flags & O_CREAT) && ours(path) && lstat(path, &facts) != 0;
    int changes = (flags & (O_CREAT | O_TRUNC)) && ours(path);
    if (!makes && !(changes && (flags & O_TRUNC))) return opened(REAL(openat)(folder, path, flags, mode), 0);
    pthread_mutex_lock(&mutex);
    due(0);
    int fd = -1;
    if (!refused(control->write_error)) {
        fd = opened(REAL(openat)(folder, path, flags, mode), makes);
        if (fd >= 0 && !makes) put('T', inode(fd), 0, 0, NULL, NULL, 0);
    }
    pthread_mutex_unlock(&mutex);
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return open_any(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags) return open_any(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags) return open_any(folder, path, flags, mode); }

int close(int fd) {
    if (fd >= 0 && fd < FILES) kind_of[fd] = 0;
    return REAL(close)(fd);
}

static ssize_t write_any(int fd, const void *data, size_t size, off_t at) {
    struct stat facts;
    fstat(fd, &facts);
    pthread_mutex_lock(&mutex);
    int halved = due(1);
    ssize_t done = -1;
    int64_t grows = at + (int64_t)size - facts.st_size;
    if (refused(control->write_error)) goto out;
    if (control->space >= 0 && grows > 0) {
        if (grows > control->space) {
            size -= grows - control->space;
            grows = control->space;
            if ((int64_t)size <= 0) { errno = ENOSPC; goto out; }
        }
        control->space -= grows;
    }
    done = REAL(pwrite)(fd, data, halved ? size / 2 : size, at);
    if (done > 0) put('W', facts.st_ino, at, 0, NULL, data, done);
    if (halved) raise(SIGKILL);
out:
    pthread_mutex_unlock(&mutex);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    if (fd < 0 || fd >= FILES || kind_of[fd] != 1) return REAL(pwrite)(fd, data, size, at);
    return write_any(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) { return pwrite(fd, data, size, at); }

ssize_t write(int fd, const void *data, size_t size) {
    if (fd < 0 || fd >= FILES || kind_of[fd] != 1) return REAL(write)(fd, data, size);
    int appends = fcntl(fd, F_GETFL) & O_APPEND;
    ssize_t done = write_any(fd, data, size, lseek(fd, 0, appends ? SEEK_END : SEEK_CUR));
    if (done > 0) lseek(fd, done, SEEK_CUR);
    return done;
}

int ftruncate(int fd, off_t size) {
    if (fd < 0 || fd >= FILES || kind_of[fd] != 1) return REAL(ftruncate)(fd, size);
    struct stat facts;
    fstat(fd, &facts);
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = -1;
    if (!refused(control->write_error)) {
        answer = REAL(ftruncate)(fd, size);
        if (!answer) put('T', facts.st_ino, size, 0, NULL, NULL, 0);
        if (!answer && control->space >= 0 && size < facts.st_size) control->space += facts.st_size - size;
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}
int ftruncate64(int fd, off_t size) { return ftruncate(fd, size); }

int posix_fallocate(int fd, off_t at, off_t size) {
    if (fd < 0 || fd >= FILES || kind_of[fd] != 1) return REAL(posix_fallocate)(fd, at, size);
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = (int)control->write_error;
    if (!answer && control->space >= 0 && size > control->space) answer = ENOSPC;
    if (!answer) {
        answer = REAL(posix_fallocate)(fd, at, size);
        if (!answer) put('T', inode(fd), at + size, 0, NULL, NULL, 0);
        if (!answer && control->space >= 0) control->space -= size;
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}
int posix_fallocate64(int fd, off_t at, off_t size) { return posix_fallocate(fd, at, size); }

static int sync_any(int fd, int (*sync_it)(int)) {
    if (fd < 0 || fd >= FILES || !kind_of[fd]) return sync_it(fd);
    char name[64], path[4096];
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = -1;
    if (!refused(control->sync_error)) {
        answer = 0; /* the recorder is the disk: the machine's own need not turn */
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(name, path, sizeof path - 1);
        path[length < 0 ? 0 : length] = 0;
        put(kind_of[fd] == 2 ? 'D' : 'S', inode(fd), 0, 0, kind_of[fd] == 2 ? path : NULL, NULL, 0);
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}
int fsync(int fd) { return sync_any(fd, REAL(fsync)); }
int fdatasync(int fd) { return sync_any(fd, REAL(fdatasync)); }

static int names_any(int kind, const char *from, const char *to, int (*do_it)(const char *, const char *)) {
    if (!ours(from)) return do_it(from, to);
    struct stat facts;
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = -1;
    if (!refused(control->write_error)) {
        answer = do_it(from, to);
        if (!answer && !lstat(to, &facts)) put(kind, facts.st_ino, 0, 0, from, to, strlen(to));
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}
int rename(const char *from, const char *to) { return names_any('R', from, to, REAL(rename)); }
int link(const char *from, const char *to) { return names_any('L', from, to, REAL(link)); }

int unlink(const char *path) {
    if (!ours(path)) return REAL(unlink)(path);
    struct stat facts;
    int64_t frees = lstat(path, &facts) || facts.st_nlink > 1 ? 0 : facts.st_size;
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = -1;
    if (control->write_error != EROFS || !refused(EROFS)) {
        answer = REAL(unlink)(path);
        if (!answer) put('U', 0, 0, 0, path, NULL, 0);
        if (!answer && control->space >= 0) control->space += frees;
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}

int mkdir(const char *path, mode_t mode) {
    if (!ours(path)) return REAL(mkdir)(path, mode);
    pthread_mutex_lock(&mutex);
    due(0);
    int answer = -1;
    if (!refused(control->write_error)) {
        answer = REAL(mkdir)(path, mode);
        if (!answer) put('M', 0, 0, 0, path, NULL, 0);
    }
    pthread_mutex_unlock(&mutex);
    return answer;
}

int statvfs(const char *path, struct statvfs *facts) {
    int answer = REAL(statvfs)(path, facts);
    if (!answer && log_fd >= 0 && ours(path) && control->space >= 0)
        facts->f_bavail = facts->f_bfree = control->space / facts->f_frsize;
    return answer;
}
int statvfs64(const char *path, struct statvfs64 *facts) { return statvfs(path, (struct statvfs *)facts); }
