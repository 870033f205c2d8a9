# SPDX-License-Identifier: MIT
# The examples of docs/PROTOCOLS.md and docs/TUTORIAL.md, built from their texts: `NAME.c`: or `NAME.h`: and then
# a block of C.

# $(call block_of,NAME): the block of that name in $<, as $@.
define block_of
@mkdir -p $(@D)
@awk -v name='`$1`:' 'index($$0, name) { near = 1 } on && /^```$$/ { exit } on; near && /^```c$$/ { on = 1 }' $< > $@
endef

example := $B/example
example_programs := $(example)/server $(example)/client
$(example)/kv.h $(example)/server.c $(example)/client.c: docs/PROTOCOLS.md
	$(call block_of,$(@F))
$(call user_objects,$(example)/server.c $(example)/client.c): $(example)/kv.h

tutorial := $B/tutorial
tutorial_programs := $(tutorial)/greet $(tutorial)/visits $(tutorial)/visit
tutorial_sources := $(addprefix $(tutorial)/user/,apps/greet/main.c visits/main.c apps/visit/main.c)
tutorial_header := $(tutorial)/include/proto/visits.h
$(tutorial_sources) $(tutorial_header): docs/TUTORIAL.md
	$(call block_of,$(@:$(tutorial)/%=%))
$(call user_objects,$(tutorial_sources)): $(tutorial_header)
$(call user_objects,$(tutorial_sources)): export CPATH = $(tutorial)/include

# $(eval $(call example_program,PROGRAM,SOURCE,ADDRESS))
define example_program
$1: $(call user_objects,$2) $(user_libraries) lib/rt/user.ld | packages
	$$(call say,LD,$$@)$(user_cc) $(link_flags) -s -Wl,--defsym=PROGRAM_BASE=$3 -o $$@ \
	    $(call user_objects,$2) $(link_libraries)
endef
$(eval $(call example_program,$(example)/server,$(example)/server.c,0x77000000))
$(eval $(call example_program,$(example)/client,$(example)/client.c,0x78000000))
$(eval $(call example_program,$(tutorial)/greet,$(word 1,$(tutorial_sources)),0x79000000))
$(eval $(call example_program,$(tutorial)/visits,$(word 2,$(tutorial_sources)),0x7a000000))
$(eval $(call example_program,$(tutorial)/visit,$(word 3,$(tutorial_sources)),0x7b000000))
test test-qemu: $(example_programs) $(tutorial_programs)
