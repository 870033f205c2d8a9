# SPDX-License-Identifier: MIT
# The fuzzer of file systems: tests/images, with lib/ext4, lib/disk and the check of tools/mkfs.

images_parts := lib/ext4/*.c lib/disk/*.c lib/base/crc32c.c lib/base/format.c \
    tools/mkfs/check.c tools/mkfs/check_blocks.c tools/mkfs/check_tree.c
images_objects := $(patsubst %,$B/obj-images/%.o,$(wildcard tests/images/*.c $(images_parts)))
images_flags := $(common_flags) -O2 $(warnings) -Wno-maybe-uninitialized -D_GNU_SOURCE \
    -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
images_program := $B/images/fuzz

$(eval $(call compile,obj-images,$(HOST_CC),$(images_flags)))
$(call remember,images,$(images_objects))
$(images_program): $(images_objects) $B/flags/images | packages
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)$(HOST_CC) -fsanitize=address,undefined -o $@ $(images_objects)
-include $(images_objects:.o=.d)

fuzz-images: $(images_program) ## Have COUNT=1000000 file systems read and checked that were changed at random
	@python3 tests/images/images.py --build $B --count $(or $(COUNT),1000000) --first $(or $(FIRST),0)
test test-qemu: $(images_program)

.PHONY: fuzz-images
