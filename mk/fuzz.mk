# SPDX-License-Identifier: MIT
# The fuzzer: tests/fuzz is linked with the kernel core on arch/host, and libFuzzer, which comes with clang.

FUZZ_CC ?= clang
SECONDS ?= 3600

# tests/fuzz/world.h includes the other three.
fuzz_core := cnode untyped thread ipc notification timer aspace sched context syscall debug hart reach \
    arch/host/host
fuzz_sources := tests/fuzz/kernel_fuzz.c $(fuzz_core:%=kernel/%.c) lib/base/heap.c lib/base/xtea.c lib/base/granules.c
fuzz_objects := $(fuzz_sources:%=$B/obj-fuzz/%.o)
fuzz_flags := -std=gnu17 -g -O1 -Iinclude -Ilib -Itests/fuzz/shim -iquote kernel -D_GNU_SOURCE $(warnings) \
    -Wno-unknown-attributes -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
    -fno-sanitize-recover=undefined
fuzz_program := $B/fuzz/kernel_fuzz

$(eval $(call compile,obj-fuzz,$(FUZZ_CC),$(fuzz_flags)))
$(call remember,fuzz,$(fuzz_objects))
$(fuzz_program): $(fuzz_objects) $B/flags/fuzz | packages
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $(fuzz_objects)
-include $(fuzz_objects:.o=.d)

fuzz: $(fuzz_program) ## Let random events befall the kernel core for SECONDS, all checked after each
	@python3 tests/fuzz/fuzz.py --build $B --seconds $(SECONDS)
test test-qemu: $(fuzz_program)

.PHONY: fuzz
