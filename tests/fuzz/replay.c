/* SPDX-License-Identifier: MIT */
/* Gives the fuzzer's events to the kernel without a fuzzer: each argument is a file with one input. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        static uint8_t data[1 << 16];
        FILE *file = fopen(argv[i], "rb");
        size_t size;

        if (!file) {
            perror(argv[i]);
            return 1;
        }
        size = fread(data, 1, sizeof(data), file);
        fclose(file);
        LLVMFuzzerTestOneInput(data, size);
    }
    return 0;
}
