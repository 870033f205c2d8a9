# SPDX-License-Identifier: MIT
# Card images for boards, and writing them to cards. platform/BOARD/card says what a board's card is made
# of; its firmware is a Debian package, which tools/fetch unpacks in build/firmware. FIRMWARE=DIRECTORY
# takes one that is unpacked already.

BOARD ?=
SIZE ?= 128
OUT ?= build/cardea-$(BOARD).img
boards := $(sort $(patsubst platform/%/card,%,$(wildcard platform/*/card)))

ifneq ($(filter sdcard flash,$(building)),)
ifneq ($(words $(BOARD))-$(filter $(BOARD),$(boards)),1-$(BOARD))
$(error BOARD=$(BOARD): there are cards for the boards: $(boards))
endif
ifneq ($(filter flash,$(building)),)
$(if $(DEV),,$(error make flash needs DEV=/dev/..., the whole disk that the card is))
endif
endif

# $(call fetch_firmware,BOARD): the recipe line that fetches a board's firmware.
fetch_firmware = . platform/$1/card && \
    tools/fetch build/firmware/$$package $$suite $$architecture $$package
# $(call make_card,BOARD,SIZE,IMAGE)
make_card = . platform/$1/card && tools/card/make platform/$1/card \
    $(if $(FIRMWARE),$(call quote,$(FIRMWARE)),build/firmware/$$package/root) \
    $(kernel_image) $(initrd) $B/rootfs $(mkfs) $(call quote,$2) $3

sdcard: all ## Make the image of an SD card that boots BOARD, as OUT=FILE
	@$(if $(FIRMWARE),,$(call fetch_firmware,$(BOARD)))
	@$(call make_card,$(BOARD),$(SIZE),$(call quote,$(OUT)))

flash: sdcard ## Write that image to the card DEV=/dev/sdX, after asking
	@tools/card/flash.py $(if $(filter 1,$(FORCE)),--force) $(call quote,$(OUT)) $(call quote,$(DEV))

.PHONY: sdcard flash
