# SPDX-License-Identifier: MIT
# What is written while the makefiles are read. `make -n` and `make -q` write nothing.

dry_run := $(strip $(foreach option,n q,$(findstring $(option),$(filter-out --%,$(firstword -$(MAKEFLAGS))))))
# $(call writing,COMMAND): runs it.
writing = $(if $(dry_run),,$(shell $1))

differ = $(subst x$1,,x$2)$(subst x$2,,x$1)
# $(call remember,NAME,TEXT): the file flags/NAME holds TEXT and changes only when TEXT does. What depends on the
# file is made again when flags, tools or lists of sources change. Of some files $(file <) keeps the last newline.
remember = $(call renew_if,$(call differ,$1: $(strip $2),$(strip $(file <$B/flags/$1))),$B/flags/$1,$1: $(strip $2))
renew_if = $(if $1,$(call renew,$2,$3))
renew = $(if $(dry_run),$(eval .PHONY: $1),$(file >$1,$2))
