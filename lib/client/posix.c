/* SPDX-License-Identifier: MIT */
/*
 * Files as POSIX has them, for the C library's fopen() and for programs that call these themselves (IEEE Std
 * 1003.1-2017). Paths start from the root: a program has no current directory yet. One thread at a time.
 */
#include <client/fs.h>
#include <errno.h>
#include <fcntl.h>
#include <rt/rt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST 3 /* below are the terminal's */
#define FILES 32

static struct open_file {
    bool open, reads, writes;
    uint64_t handle, position;
} files[FILES];

/* Sets errno, and returns -1 unless there is no error. */
static int result(enum error error)
{
    static const int numbers[] = {
        [ERR_NO_MEMORY] = ENOMEM, [ERR_NOT_FOUND] = ENOENT,    [ERR_EXISTS] = EEXIST,
        [ERR_NOT_DIR] = ENOTDIR,  [ERR_IS_DIR] = EISDIR,       [ERR_NAME_TOO_LONG] = ENAMETOOLONG,
        [ERR_LOOP] = ELOOP,       [ERR_BAD_ARG] = EINVAL,      [ERR_READ_ONLY] = EROFS,
        [ERR_NO_SPACE] = ENOSPC,  [ERR_NOT_EMPTY] = ENOTEMPTY, [ERR_TOO_MANY] = EMFILE,
        [ERR_DENIED] = EACCES,    [ERR_NO_FS] = ENODEV,        [ERR_BUSY] = EBUSY,
    };

    if (!error)
        return 0;
    bool known = error < sizeof(numbers) / sizeof(numbers[0]) && numbers[error] != 0;
    errno = known ? numbers[error] : EIO;
    return -1;
}

static struct open_file *find(int number)
{
    int index = number - FIRST;

    return index >= 0 && index < FILES && files[index].open ? &files[index] : NULL;
}

static ssize_t file_read_next(int number, void *bytes, size_t size)
{
    struct open_file *file = find(number);
    size_t count = 0;

    if (file == NULL || !file->reads) {
        errno = EBADF;
        return -1;
    }
    if (result(file_read(file->handle, file->position, bytes, size, &count)))
        return -1;
    file->position += count;
    return (ssize_t)count;
}

static ssize_t file_write_next(int number, const void *bytes, size_t size)
{
    struct open_file *file = find(number);
    size_t count = 0;

    if (file == NULL || !file->writes) {
        errno = EBADF;
        return -1;
    }
    enum error error = file_write(file->handle, file->position, bytes, size, &count);
    file->position += count;
    return count > 0 || !result(error) ? (ssize_t)count : -1;
}

int open(const char *path, int flags, ...)
{
    static const struct rt_files calls = {file_read_next, file_write_next};
    int access = flags & O_ACCMODE, index = 0;
    uint64_t wanted = (flags & O_CREAT ? FS_CREATE : 0) | (flags & O_EXCL ? FS_EXCLUSIVE : 0) |
                      (flags & O_TRUNC ? FS_TRUNCATE : 0) | (flags & O_APPEND ? FS_APPEND : 0);
    struct fs_stat stat;

    while (index < FILES && files[index].open)
        index++;
    if (index == FILES)
        return result(ERR_TOO_MANY);
    struct open_file file = {.open = true, .reads = access != O_WRONLY, .writes = access != O_RDONLY};
    enum error error = file_create(path, 0, wanted, 0644, &file.handle, &stat);
    if (!error && file.writes && stat.type == FS_DIRECTORY) {
        file_close(file.handle);
        error = ERR_IS_DIR;
    }
    if (error)
        return result(error);
    files[index] = file;
    rt_files = &calls;
    return index + FIRST;
}

int close(int number)
{
    struct open_file *file = find(number);

    if (file == NULL) {
        errno = EBADF;
        return -1;
    }
    file_close(file->handle);
    file->open = false;
    return 0;
}

off_t lseek(int number, off_t offset, int whence)
{
    struct open_file *file = find(number);
    struct fs_stat stat = {0};

    if (file == NULL) {
        errno = number >= 0 && number < FIRST ? ESPIPE : EBADF;
        return -1;
    }
    if (whence == SEEK_END && result(file_status(file->handle, &stat)))
        return -1;
    uint64_t base = whence == SEEK_CUR ? file->position : stat.size;
    if ((offset < 0 && (uint64_t)-offset > base) ||
        (whence != SEEK_SET && whence != SEEK_CUR && whence != SEEK_END))
        return result(ERR_BAD_ARG);
    file->position = base + (uint64_t)offset;
    return (off_t)file->position;
}

int fsync(int number)
{
    const struct open_file *file = find(number);

    return result(file != NULL ? file_sync(file->handle) : ERR_BAD_ARG);
}

int ftruncate(int number, off_t length)
{
    const struct open_file *file = find(number);

    return result(file != NULL && file->writes && length >= 0 ? file_truncate(file->handle, (uint64_t)length)
                                                              : ERR_BAD_ARG);
}

int unlink(const char *path)
{
    return result(file_remove(path));
}

int rmdir(const char *path)
{
    return result(directory_remove(path));
}

int mkdir(const char *path, mode_t mode)
{
    return result(directory_make(path, mode & 07777));
}

int rename(const char *from, const char *to)
{
    return result(file_rename(from, to, 0));
}

int link(const char *from, const char *to)
{
    return result(file_link(from, to));
}

int symlink(const char *text, const char *path)
{
    return result(file_symlink(text, path));
}
