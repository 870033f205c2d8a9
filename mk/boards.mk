# SPDX-License-Identifier: MIT
# The boot matrix: the same kernel image and archive on every machine and through every firmware that can be
# had here. K=WORD takes the cells with the word in their names.

matrix_cards := $(foreach b,$(boards),build/boards/$b.img)
qemu10_packages := qemu-system-riscv qemu-system-common qemu-system-data opensbi

$(matrix_cards): build/boards/%.img: all platform/%/card tools/card/make
	@mkdir -p $(@D)
	@$(call fetch_firmware,$*)
	@$(call make_card,$*,128,$@) > /dev/null
matrix-qemu10:
	@tools/fetch build/qemu10 bookworm-backports "$$(dpkg --print-architecture)" $(qemu10_packages)

test-boards: $(bench_archive)
test-boards: all $(matrix_cards) matrix-qemu10 ## Boot on every machine, through every firmware
	@tests/run --boards --build $B $(addprefix -k ,$(K))

.PHONY: test-boards matrix-qemu10
