/* SPDX-License-Identifier: MIT */
#include "firmware.h"

bool firmware_has(uint64_t extension)
{
    struct sbi_result result = sbi(SBI_BASE, BASE_PROBE, extension);

    return result.error == 0 && result.value != 0;
}

void firmware_console_init(void)
{
    sbi_has_console = firmware_has(SBI_DBCN);
}

void firmware_read(struct firmware *firmware)
{
    *firmware = (struct firmware){
        .implementation = sbi(SBI_BASE, BASE_IMPLEMENTATION, 0).value,
        .version = sbi(SBI_BASE, BASE_IMPLEMENTATION_VERSION, 0).value,
    };
}

const char *firmware_name(uint64_t implementation)
{
    static const char *const name[] = {"Berkeley Boot Loader", "OpenSBI", "Xvisor", "KVM", "RustSBI"};

    return implementation < sizeof(name) / sizeof(name[0]) ? name[implementation] : "unknown firmware";
}

struct sbi_result firmware_start_hart(uint64_t hart_id, uint64_t address)
{
    return sbi(SBI_HSM, HSM_HART_START, hart_id, address, 0);
}
