# SPDX-License-Identifier: MIT
# Builds, runs and tests Cardea. `make help` lists the targets and variables; everything made lands in build/.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-builtin-variables

# What a person sets, on the command line or in the environment.
BUILD ?= release
MACHINE ?= virt
SMP ?= 4
MEM ?= 512M
APPEND ?=
QEMU ?= qemu-system-riscv64
BIOS ?= default
GDB ?= gdb-multiarch
GDB_PORT ?= $(shell echo $$((20000 + $$(id -u) % 10000)))
CROSS ?= riscv64-unknown-elf-
HOST_CC ?= gcc
V ?=

B := build/$(BUILD)
ifeq ($(filter release debug,$(BUILD)),)
$(error BUILD=$(BUILD): there are the builds 'release' and 'debug')
endif

# All cores, unless -j was given. A dry run (-n) changes nothing, so it installs nothing either.
ifeq ($(findstring -j,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

comma := ,
empty :=
space := $(empty) $(empty)
define newline


endef
# A word for the shell, whatever it holds.
quote = '$(subst ','\'',$1)'
# One short line per step, or with V=1 the command itself.
say = $(if $(V),,@printf '  %-8s%s\n' '$1' '$2';)

# Goals other than these need the lists of sources and the files that remember flags.
building := $(filter-out help clean setup style,$(or $(MAKECMDGOALS),all))

ifneq ($(and $(filter clean,$(MAKECMDGOALS)),$(building)),)
# `make clean all`: one after the other, because cleaning takes away what make has already looked at.
.NOTPARALLEL:
$(filter-out clean,$(MAKECMDGOALS)): clean
	+@$(MAKE) --no-print-directory $@
else

include mk/remember.mk

# $(eval $(call compile,DIRECTORY,COMPILER,FLAGS)): objects $B/DIRECTORY/SOURCE.o of SOURCE.c and .S.
define compile
$(call remember,$1,$2 $3)
$B/$1/%.c.o: %.c $B/flags/$1 | packages
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$2 $3 -MMD -MP -c -o $$@ $$<
$B/$1/%.S.o: %.S $B/flags/$1 | packages
	@mkdir -p $$(@D)
	$$(call say,AS,$$<)$2 $3 -MMD -MP -c -o $$@ $$<
endef

ifneq ($(building),)
$(call writing,mkdir -p $B/flags)
sources := $(sort $(shell find kernel lib user platform tools/mkfs -name '*.[cS]' 2>/dev/null))
warnings := -Wall -Wextra -Werror
common_flags := -std=gnu17 -g -Iinclude -Ilib -ffile-prefix-map=$(CURDIR)=.
optimise := $(if $(filter debug,$(BUILD)),-Og,-O2)

include mk/kernel.mk mk/sources.mk mk/user.mk mk/image.mk
include mk/test.mk mk/latency.mk
include mk/fuzz.mk mk/trees.mk mk/images.mk mk/crash.mk mk/mutate.mk mk/firmware.mk
include mk/hostile.mk mk/lanes.mk
include mk/system.mk mk/example.mk mk/bench.mk
include mk/coverage.mk
include mk/card.mk mk/boards.mk

all: $(kernel_image) $(initrd) $(disk_image) $(program_symbols) ## Build kernel, processes, initrd and disk image (the default)
image: $(disk_image) ## Build the disk image from rootfs/ and user/apps/
endif

include mk/run.mk mk/prove.mk

# Installs what is missing, looking every time, so that a package that was removed is noticed.
setup: ## Install every package that building, running, testing, fuzzing and debugging need
	@tools/setup build qemu test fuzz gdb
packages:
	@tools/setup build $(if $(filter qemu% fuzz-servers bench% irqs-off latency harts stress-harts lanes hostile random-calls,$(building)),$(if $(findstring /,$(QEMU)),,qemu)) \
	    $(if $(filter test% mutate coverage,$(building)),qemu test fuzz) $(if $(filter fuzz%,$(building)),fuzz) \
	    $(if $(filter gdb,$(building)),gdb) $(if $(filter sdcard flash test-boards,$(building)),card) \
	    $(if $(filter test-boards,$(building)),boards)

style: ## Check the layout rules: includes, assembly, sizes, README files
	@tools/style/check

clean: ## Remove build/
	rm -rf build

endif # clean together with other goals

help: ## List the targets and variables
	@echo 'Targets:'
	@cat Makefile mk/*.mk | sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1 \2/p' | sort | \
	    while read -r name text; do printf '  %-16s%s\n' "$$name" "$$text"; done
	@echo 'Variables (defaults):'
	@printf '  %-30s%s\n' 'MACHINE=$(MACHINE)' 'of QEMU: virt or sifive_u' \
	    'SMP=$(SMP)' 'harts, 1 to 8' 'MEM=$(MEM)' 'memory, 64M to 16G' \
	    'DISK=PATH' 'raw disk image to attach; none: no disk; default: one that keeps what is written' \
	    'FRESH=1' 'make that disk anew' \
	    'NET=$(or $(NET),user)' 'network: user, none, or a -netdev of QEMU' \
	    'APPEND="..."' 'kernel command line' 'BUILD=$(BUILD)' 'release or debug' \
	    'QEMU=$(QEMU)' 'emulator to run' 'V=1' 'show each command' \
	    'BOARD=NAME' 'board to make a card for: $(notdir $(patsubst %/card,%,$(wildcard platform/*/card)))' \
	    'OUT=FILE' 'where the card image goes; default: build/cardea-BOARD.img' 'SIZE=128' 'of the card image, in MiB' \
	    'DEV=/dev/sdX' 'the card that `make flash` writes'

.PHONY: all image setup packages style clean help
