/* SPDX-License-Identifier: MIT */
/* Files of the archive that the machine was started with. */
#include "init.h"

#include <base/cpio.h>

bool archive_file(const char *name, const void **data, size_t *size, const char **cause)
{
    struct cpio_file file;
    enum cpio_error error = cpio_find((const void *)rt_boot->archive, rt_boot->archive_size, name, &file);

    if (error) {
        *cause = error == CPIO_NOT_FOUND ? "not in the archive" : cpio_strerror(error);
        return false;
    }
    *data = file.data;
    *size = file.size;
    return true;
}

bool archive_has(void *context, const char *name)
{
    struct cpio_file file;

    (void)context;
    return cpio_find((const void *)rt_boot->archive, rt_boot->archive_size, name, &file) != CPIO_NOT_FOUND;
}

bool archive_program(const char *name, struct program *program, const char **cause)
{
    const void *data;

    if (!archive_file(name, &data, &program->size, cause))
        return false;
    program->file = data;
    enum elf_error error = elf_open(&program->elf, program->file, program->size);
    *cause = elf_strerror(error);
    return !error;
}
